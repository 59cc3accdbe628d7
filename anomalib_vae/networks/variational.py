"""The network of a variational autoencoder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from anomalib_vae.codec.batch import Batch, Layout
from anomalib_vae.losses.divergences import free_bits, gaussian_divergence, gaussian_log_density
from anomalib_vae.networks import encoder_decoder
from anomalib_vae.networks.aggregate_prior import AggregatePrior
from anomalib_vae.networks.encoder_decoder import EncoderDecoder
from anomalib_vae.networks.layers import smooth_clamp
from anomalib_vae.networks.network import Step
from anomalib_vae.networks.observation import mixture_moments

LOG_VARIANCE_RANGE = (-12.0, 4.0)  # of a posterior, against a prior of variance 1
ROWS_AT_ONCE, DRAWS_AT_ONCE = 32, 32  # in an importance-weighted likelihood; what is drawn depends on the latter
SEED = 0  # of these draws


@dataclass(frozen=True)
class Architecture(encoder_decoder.Architecture):
    """With what is said of the bound and of its draws."""

    beta: float = 1.0
    warmup: float = 0.0
    free_bits: float = 0.0
    importance_samples: int = 1
    score_draws: int = 2


class Posterior(NamedTuple):
    """One draw of the code, and what is needed to price it.

    code: (members, rows, code width).  divergence: KL(q(z|x) || p(z)) of each dimension, in nats.
    log_variance: of the posterior; noise: the standard-normal draw behind the code; both shaped as the code.
    log_prior: log p(z) at the draw, (members, rows), where only `posterior` can tell; None where p(z) is N(0, I) or the
    aggregate prior.
    """

    code: Tensor
    divergence: Tensor
    log_variance: Tensor
    noise: Tensor
    log_prior: Tensor | None = None

    def log_ratio(self, aggregate_prior: AggregatePrior) -> Tensor:
        """log q(z|x) - log p(z) at the draw, (members, rows): under the aggregate prior once that is fitted."""
        log_posterior = gaussian_log_density(self.noise).sum(-1) - 0.5 * self.log_variance.sum(-1)
        if self.log_prior is not None:
            return log_posterior - self.log_prior
        if aggregate_prior.fitted:
            return log_posterior - aggregate_prior.log_density(self.code)
        return log_posterior - gaussian_log_density(self.code).sum(-1)


def for_draws(tensor: Tensor, noise: Tensor) -> Tensor:
    """What is known of each row, (members, rows, width), for each draw in noise: (members, draws x rows, width)."""
    draws, rows = noise.shape[1] // tensor.shape[1], tensor.shape[1]
    if rows == 1:
        return tensor.expand(-1, draws, -1)
    return tensor if draws == 1 else torch.cat([tensor] * draws, 1)  # sooner done than repeat


class VariationalNetwork(EncoderDecoder):
    """Encoder, one level of latent variables, decoder (Kingma & Welling 2014).  The prior is N(0, I) in training; after
    it, `fit_prior` can put the aggregate posterior in its place."""

    score_noise: Tensor

    def __init__(self, layout: Layout, architecture: Architecture, generator: Generator):
        super().__init__(layout, architecture, generator)
        self.aggregate_prior = self.build_aggregate_prior()
        pairs = -(-max(architecture.score_draws, architecture.importance_samples) // 2)
        half = torch.randn((self.n_members, pairs, self.code_width), generator=generator)
        self.register_buffer("score_noise", torch.cat([half, -half], 1))

    def build_latents(self, generator: Generator) -> None:
        """Make what `posterior` and `prior` need."""
        self.encoder = self.reader(2 * self.code_width, generator)

    def build_aggregate_prior(self) -> AggregatePrior:
        """What `fit_prior` fits."""
        return AggregatePrior(self.n_members, self.code_width)

    def posterior(self, batch: Batch, noise: Tensor, generator: Generator | None = None) -> Posterior:
        """Draw from q(z|x) with the given standard-normal noise (members, draws x rows, code width), a draw after the
        other; the encoder reads each row once."""
        mean, log_variance = self.moments(batch, generator)
        divergence = for_draws(gaussian_divergence(mean, log_variance), noise)
        mean, log_variance = for_draws(mean, noise), for_draws(log_variance, noise)
        code = mean + torch.exp(0.5 * log_variance) * noise
        return Posterior(code, divergence, log_variance, noise)

    def moments(self, batch: Batch, generator: Generator | None = None) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x), each (members, rows, code width)."""
        return self.moments_given(self.inputs(batch), generator)

    def moments_given(self, inputs: Tensor, generator: Generator | None = None) -> tuple[Tensor, Tensor]:
        """`moments` from what the encoder reads, (members, rows, inputs)."""
        mean, raw = self.encoder(inputs, generator).chunk(2, -1)
        return mean, smooth_clamp(raw, *LOG_VARIANCE_RANGE)

    def fit_prior(self, references: Batch) -> None:
        """Make the mixture of the posteriors of these rows, (members, rows, features), the prior."""
        self.aggregate_prior.fit(*self.moments(references))

    def prior(self, noise: Tensor) -> Tensor:
        """Codes from the prior: (members, rows, code width) of standard-normal noise to codes."""
        return noise

    # ------------------------------------------------------------------ training
    def loss(self, player: str, batch: Batch, step: Step) -> Tensor:
        a = self.architecture
        seen = self.spoil(batch, step.generator) if a.corruption else batch
        shape = (self.n_members, a.importance_samples * len(batch), self.code_width)
        noise = torch.randn(shape, generator=step.generator, device=batch.values.device, dtype=batch.values.dtype)
        posterior = self.posterior(seen, noise, step.generator)
        data_term = self.observation.objective(self.decode(posterior.code, step.generator), batch, step.progress)
        data_term = self.weigh(data_term, seen.repeat(a.importance_samples))
        beta = a.beta * (min(1.0, step.progress / a.warmup) if a.warmup else 1.0)
        if a.importance_samples > 1:
            log_ratio = posterior.log_ratio(self.aggregate_prior)
            bound = self._importance_bound(data_term.sum(-1), beta * log_ratio, a.importance_samples)
        else:
            divergence = free_bits(posterior.divergence, a.free_bits) if a.free_bits else posterior.divergence
            bound = data_term.sum(-1) - beta * divergence.sum(-1)
        return -bound.mean(-1)

    @staticmethod
    def _importance_bound(data_term: Tensor, log_ratio: Tensor, draws: int) -> Tensor:
        """Burda, Grosse & Salakhutdinov 2016: the log of the mean importance weight, (members, draws x rows) to
        (members, rows)."""
        return torch.logsumexp((data_term - log_ratio).unflatten(-1, (draws, -1)), -2) - math.log(draws)

    # ------------------------------------------------------------------ use
    def encode(self, batch: Batch) -> Tensor:
        return self.moments(batch)[0]

    def score(self, batch: Batch) -> Tensor:
        """The lower bound of log p(x), whatever training maximised, in nats: the mean over fixed draws."""
        posterior, data_term = self._draw(batch)
        draws = self.score_noise.shape[1]
        if self.architecture.importance_samples > 1:
            return self._importance_bound(data_term.sum(-1), posterior.log_ratio(self.aggregate_prior), draws)
        aggregate = self.aggregate_prior.fitted
        divergence = posterior.log_ratio(self.aggregate_prior) if aggregate else posterior.divergence.sum(-1)
        return (data_term.sum(-1) - divergence).unflatten(1, (draws, -1)).mean(1)

    def log_likelihood(self, batch: Batch, draws: int) -> Tensor:
        """log p(x) by importance weighting, log 1/K Σ_k p(x|z_k) p(z_k) / q(z_k|x), in nats: (members, rows)."""
        few = [batch[:, at : at + ROWS_AT_ONCE] for at in range(0, len(batch), ROWS_AT_ONCE)]
        return torch.cat([self._log_mean_weight(rows, draws) for rows in few], 1)

    def _log_mean_weight(self, batch: Batch, draws: int) -> Tensor:
        """`log_likelihood` of few rows, the weights of few draws in memory at a time; all rows share the draws."""
        like = self.score_noise
        generator = torch.Generator(like.device).manual_seed(SEED)
        total = like.new_full((self.n_members, len(batch)), -torch.inf)
        for start in range(0, draws, DRAWS_AT_ONCE):
            shape = (self.n_members, min(DRAWS_AT_ONCE, draws - start), self.code_width)
            noise = torch.randn(shape, generator=generator, dtype=like.dtype, device=like.device)
            posterior = self.posterior(batch, noise.repeat_interleave(len(batch), dim=1))
            data_term = self.observation.log_prob(self.decode(posterior.code), batch).sum(-1)
            weights = (data_term - posterior.log_ratio(self.aggregate_prior)).unflatten(-1, (-1, len(batch)))
            total = torch.logaddexp(total, torch.logsumexp(weights, -2))
        return total - math.log(draws)

    def column_scores(self, batch: Batch) -> Tensor:
        """E_q log p(x|z) of each column, in nats."""
        data_term = self._draw(batch)[1].unflatten(1, (self.score_noise.shape[1], -1)).mean(1)
        return self.observation.by_column(data_term)

    def predictive(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Moments of the mixture of p(x|z) over the fixed draws from the posterior."""
        draws = self.score_noise.shape[1]
        posterior = self.posterior(batch, self._fixed_noise(batch))
        mean, variance = (m.unflatten(1, (draws, -1)) for m in self.observation.moments(self.decode(posterior.code)))
        return mixture_moments(mean, variance, dim=1)

    def _draw(self, batch: Batch) -> tuple[Posterior, Tensor]:
        """Fixed draws from the posterior and log p(x|z) at them, target by target: (members, draws x rows, ...)."""
        posterior = self.posterior(batch, self._fixed_noise(batch))
        return posterior, self.observation.log_prob(self.decode(posterior.code), batch)

    def _fixed_noise(self, batch: Batch) -> Tensor:
        """The same draws for each row, (members, draws x rows, code width)."""
        return self.score_noise if len(batch) == 1 else self.score_noise.repeat_interleave(len(batch), dim=1)

    def generate(self, rows: int, generator: Generator) -> Tensor:
        return self.rows_at(self.new_codes(rows, generator), generator)[:rows]

    def new_codes(self, rows: int, generator: Generator) -> Tensor:
        """Codes from the prior for at least so many rows in all: (members, codes of each, code width)."""
        noise = self.noise_of(rows, generator)
        return self.aggregate_prior.sample(noise, generator) if self.aggregate_prior.fitted else self.prior(noise)

    def noise_of(self, rows: int, generator: Generator) -> Tensor:
        """Standard-normal noise for at least so many rows in all: (members, rows of each, code width)."""
        each, like = -(-rows // self.n_members), self.score_noise
        shape = (self.n_members, each, self.code_width)
        return torch.randn(shape, generator=generator, dtype=like.dtype, device=like.device)

    def rows_at(self, code: Tensor, generator: Generator) -> Tensor:
        """Targets drawn from p(x|z) at codes (members, codes, code width), the members in turn: (rows, targets)."""
        return self.observation.sample(self.decode(code), generator).movedim(0, 1).flatten(0, 1)
