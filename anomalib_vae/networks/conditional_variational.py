"""The network of a conditional variational autoencoder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from anomalib_vae.codec.batch import Batch
from anomalib_vae.losses.divergences import gaussian_divergence, gaussian_log_density
from anomalib_vae.networks import variational
from anomalib_vae.networks.conditional_aggregate_prior import ConditionalAggregatePrior
from anomalib_vae.networks.labelled import LabelledNetwork
from anomalib_vae.networks.layers import smooth_clamp
from anomalib_vae.networks.network import Player, Step
from anomalib_vae.networks.variational import LOG_VARIANCE_RANGE, Posterior, VariationalNetwork, for_draws


@dataclass(frozen=True)
class Architecture(variational.Architecture):
    """latent_dims: of z, and the number of classes.  class_shares: of each class in training."""

    class_shares: tuple[float, ...] = ()


class ConditionalVariationalNetwork(LabelledNetwork, VariationalNetwork):
    """p(x, y, z) = p(y) p(z|y) p(x|z, y) with q(z|x, y) and q(y|x), the model M2 of Kingma, Rezende, Mohamed & Welling
    2014, "Semi-supervised learning with deep generative models", where p(z|y) is N(0, I) whatever y.  So it is in
    training; after it, `fit_prior` can put the aggregate posterior of each class in its place.

    The code is z with the one-hot label beside it: a second latent variable, which is observed in some rows.  Where it
    is not, q(y|x) draws it in training; a score sums over all of its values.  q(y|x) is a player of its own that learns
    from the rows with a label, so that its weight against the bound needs no choice.
    """

    architecture: Architecture
    aggregate_prior: ConditionalAggregatePrior

    def build_aggregate_prior(self):
        return ConditionalAggregatePrior(self.n_members, self.z_width, self.n_classes)

    def build_latents(self, generator):
        a = self.architecture
        self.z_width, self.n_classes = a.latent_dims
        self.classifier = self.reader(self.n_classes, generator)
        encoder: Any = self.reader(None, generator)
        width = encoder.width + self.n_classes
        self.encoder, self.latents = encoder, self.mlp(width, a.hidden_dims[-1:], 2 * self.z_width, generator)
        if a.backbone == "dense" and not a.hidden_dims:  # then it reads the inputs themselves
            self.latents.silence(self.inputs.flags)

    # ------------------------------------------------------------------ q(y|x) and q(z|x, y)
    def log_label_probability(self, rows: Batch, generator: Generator | None = None) -> Tensor:
        """log q(y|x), (members, rows, classes)."""
        return torch.log_softmax(self.classifier(self.inputs(rows), generator), -1)

    def label_probability(self, batch: Batch) -> Tensor:
        """q(y|x), (members, rows, classes); of a label that is known 0 and 1."""
        rows, labels = self.apart(batch)
        return torch.where(labels.observed > 0, labels.values, self.log_label_probability(rows).exp())

    def posterior(self, batch, noise, generator=None):
        rows, labels = self.apart(batch)
        noise, chance = noise.split(self.architecture.latent_dims, -1)
        label, price = self._draw_label(rows, labels, chance)
        hidden = for_draws(self.encoder(self.inputs(rows), generator), noise)
        mean, log_variance = self.moments_given_label(hidden, label, generator)
        z = mean + torch.exp(0.5 * log_variance) * noise
        divergence = torch.cat([gaussian_divergence(mean, log_variance), price[..., None]], -1)
        code, fitted = torch.cat([z, label], -1), self.aggregate_prior.fitted
        of_z = self.aggregate_prior.log_density(code) if fitted else gaussian_log_density(z).sum(-1)
        return Posterior(code, divergence, log_variance, noise, of_z - price)

    def moments_given_label(self, hidden: Tensor, label: Tensor, generator: Generator | None = None):
        """Mean and log-variance of q(z|x, y), each (members, rows, width of z)."""
        mean, raw = self.latents(_with_label(hidden, label), generator).chunk(2, -1)
        return mean, smooth_clamp(raw, *LOG_VARIANCE_RANGE)

    @torch.no_grad()
    def _draw_label(self, rows: Batch, labels: Batch, noise: Tensor) -> tuple[Tensor, Tensor]:
        """One-hot labels, and log q(y|x) - log p(y) of those that were drawn, by standard-normal noise (members, draws
        x rows, classes): shaped as the noise, and without its last dimension."""
        values, known = for_draws(labels.values, noise), for_draws(labels.observed, noise)
        if bool((known > 0).all()):
            return values, noise.new_zeros(noise.shape[:-1])
        log_probability = for_draws(self.log_label_probability(rows), noise)
        drawn = _drawn(log_probability, noise)
        price = (drawn * (log_probability - self.class_shares.log())).sum(-1)
        return torch.where(known > 0, values, drawn), price * (1.0 - known[..., 0])

    def fit_prior(self, references):
        """Make the posteriors of these rows, each given its label or the one that it most probably has, the priors of
        their classes."""
        rows, _ = self.apart(references)
        class_of = self.label_probability(references).argmax(-1)
        label = one_hot(class_of, self.n_classes).to(rows.values)
        mean, log_variance = self.moments_given_label(self.encoder(self.inputs(rows)), label)
        self.aggregate_prior.fit_classes(mean, log_variance, class_of)

    def prior(self, noise):
        """Codes from N(0, I), with labels drawn by their shares."""
        z, chance = noise.split(self.architecture.latent_dims, -1)
        return torch.cat([z, _drawn(self.class_shares.log(), chance)], -1)

    def decode(self, code, generator=None):
        return super().decode(_with_label(*code.split(self.architecture.latent_dims, -1)), generator)

    # ------------------------------------------------------------------ training
    def players(self):
        classifier = list(self.classifier.parameters())
        rest = [p for name, p in self.named_parameters() if not name.startswith("classifier.")]
        return {"model": Player(rest), "classifier": Player(classifier)}

    def loss(self, player: str, batch: Batch, step: Step) -> Tensor:
        if player == "model":
            return super().loss(player, batch, step)
        rows, labels = self.apart(self.spoil(batch, step.generator) if self.architecture.corruption else batch)
        log_probability = (labels.values * self.log_label_probability(rows, step.generator)).sum((1, 2))
        return -log_probability / labels.observed[..., 0].sum(1).clamp_min(1.0)

    # ------------------------------------------------------------------ use
    def encode(self, batch: Batch) -> Tensor:
        rows, _ = self.apart(batch)
        label = self.label_probability(batch)
        return torch.cat([self.moments_given_label(self.encoder(self.inputs(rows)), label)[0], label], -1)

    def generate(self, rows: int, generator: Generator, labels: Tensor | None = None) -> Tensor:
        """labels: one-hot, (rows, classes); None: drawn by their shares."""
        return self.rows_at(self.new_codes(rows, generator, labels), generator)[:rows]

    def new_codes(self, rows: int, generator: Generator, labels: Tensor | None = None) -> Tensor:
        """Of these labels, as `generate` has them."""
        code = self.prior(self.noise_of(rows, generator))
        code = code if labels is None else self.with_labels(code, labels)
        return self.aggregate_prior.sample(code, generator) if self.aggregate_prior.fitted else code


def _with_label(values: Tensor, label: Tensor) -> Tensor:
    """What a layer reads of values and a one-hot label.  The label is as loud as all values together: as one of many
    inputs it would drown, at the start of training in the noise of z, and z would learn to tell the class instead."""
    return torch.cat([values, math.sqrt(values.shape[-1]) * label], -1)


def _drawn(log_probability: Tensor, noise: Tensor) -> Tensor:
    """One-hot draws by standard-normal noise, of their shape: the largest of log-probabilities plus Gumbel noise."""
    gumbel = -torch.log(-torch.special.log_ndtr(noise))
    return one_hot((log_probability + gumbel).argmax(-1), noise.shape[-1]).to(noise.dtype)
