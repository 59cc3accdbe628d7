"""From the decoder's output to the likelihood of a row of mixed columns."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from anomalib_vae.codec.batch import Batch, Layout
from anomalib_vae.losses.bernoulli import bernoulli_log_prob
from anomalib_vae.losses.categorical import GroupedSoftmax
from anomalib_vae.losses.likelihood import Likelihood
from anomalib_vae.networks.layers import smooth_clamp

LOG_SCALE_RANGE = (-3.0, 3.0)  # of a standardised column; a scale of nothing would give a point infinite density
TEMPERATURE = 0.5  # of relaxed draws: lower is closer to labels, and to gradients that vanish
LEAST_CHANCE = 1e-6  # of uniform noise, whose logarithm is taken
SETTLING_RANGE, BISECTIONS = (-10.0, 10.0), 50  # of a log scale before it is clamped


class Observation(nn.Module):
    """p(row | decoder output): locations of real targets with learned scales, logits of the others.

    All methods take the output (members, rows, targets) and return results of that shape, 0 where not observed.  It may
    hold several draws for each row of a batch, (members, draws x rows, targets), a draw after the other.
    """

    targets: Tensor
    column: Tensor
    scales: Tensor

    def __init__(self, layout: Layout, likelihood: Likelihood, n_members: int):
        super().__init__()
        self.layout, self.likelihood = layout, likelihood
        self.real, self.binary, self.category = (layout.target_span(kind) for kind in ("real", "binary", "category"))
        self.level_counts = [block.width for block in layout.of_kind("category")]
        self.softmax = GroupedSoftmax(self.level_counts)
        self.raw_log_scale = nn.Parameter(
            torch.full((n_members, 1, len(set(layout.scales))), math.log(layout.start_scale))
        )
        self.shares_scales = self.raw_log_scale.shape[-1] < len(layout.scales)
        self.register_buffer("scales", torch.tensor(layout.scales, dtype=torch.long), persistent=False)
        self.register_buffer("targets", torch.tensor(layout.targets, dtype=torch.long), persistent=False)
        self.register_buffer("column", torch.tensor(layout.column_of_target, dtype=torch.long), persistent=False)
        self.width = len(layout.targets)
        self.gives_all = layout.targets == list(range(layout.width))

    @property
    def log_scale(self) -> Tensor:
        """Of each real target, (members, 1, real targets)."""
        log_scale = smooth_clamp(self.raw_log_scale, *LOG_SCALE_RANGE)
        return log_scale[..., self.scales] if self.shares_scales else log_scale

    @torch.no_grad()
    def settle_scales(self, output: Tensor, batch: Batch) -> None:
        """Make each scale the root mean square of its residuals, where the likelihood of a Gaussian is highest.

        Rybkin, Daniilidis & Levine 2021, "Simple and effective VAE training with calibrated decoders"; learned scales
        are on their way there, and far from it where a sensor hardly varies.
        """
        targets = batch.select(self.targets)
        observed = targets.observed[..., self.real]
        squares = (targets.values[..., self.real] - output[..., self.real]).square() * observed
        total, count = (
            torch.zeros_like(self.raw_log_scale[:, 0]).index_add_(-1, self.scales, part.sum(1).to(self.raw_log_scale))
            for part in (squares, observed)
        )
        wanted = 0.5 * torch.log(total / count.clamp_min(1.0))
        low, high = (torch.full_like(wanted, end) for end in SETTLING_RANGE)
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            too_low = smooth_clamp(middle, *LOG_SCALE_RANGE) < wanted
            low, high = torch.where(too_low, middle, low), torch.where(too_low, high, middle)
        self.raw_log_scale.copy_(((low + high) / 2)[:, None])

    def log_prob(self, output: Tensor, batch: Batch) -> Tensor:
        return self._evaluate(output, batch, None)

    def objective(self, output: Tensor, batch: Batch, progress: float) -> Tensor:
        """What training maximises; differs from `log_prob` where the likelihood has a robust surrogate."""
        return self._evaluate(output, batch, progress)

    def _evaluate(self, output: Tensor, batch: Batch, progress: float | None) -> Tensor:
        is_all = self.gives_all and batch.values.shape[-1] == self.width
        targets = batch if is_all else batch.select(self.targets)
        targets = targets.repeat(output.shape[-2] // len(batch))
        values, observed, parts = targets.values, targets.observed, []
        if self.real.stop:
            x, location = values[..., self.real], output[..., self.real]
            if progress is None:
                parts.append(self.likelihood.log_prob(x, location, self.log_scale))
            else:
                seen = observed[..., self.real]
                parts.append(self.likelihood.objective(x, location, self.log_scale, seen, progress))
        if self.binary.stop:
            parts.append(bernoulli_log_prob(values[..., self.binary], output[..., self.binary]))
        if self.category.stop:
            parts.append(values[..., self.category] * self.softmax.log_prob(output[..., self.category]))
        found = torch.cat(parts, -1) if len(parts) > 1 else parts[0]
        return found if targets.is_complete else found * observed

    def mean(self, output: Tensor) -> Tensor:
        """Expected targets: means of real ones, probabilities of the others."""
        parts = [
            self.likelihood.mean(output[..., self.real]),
            torch.sigmoid(output[..., self.binary]),
            torch.exp(self.softmax.log_prob(output[..., self.category])),
        ]
        return torch.cat(parts, -1)

    def moments(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of each target, the share of a level being the mean of its 0 and 1."""
        mean = self.mean(output)
        variance = mean * (1.0 - mean)
        variance[..., self.real] = self.likelihood.variance(self.log_scale, output[..., self.real])
        return mean, variance

    def sample(self, output: Tensor, generator: torch.Generator) -> Tensor:
        """Targets drawn from the likelihood, labels as one-hot rows."""
        mean = self.mean(output)
        parts = [self.likelihood.sample(output[..., self.real], self.log_scale, generator)]
        uniform = torch.rand(mean.shape, generator=generator, dtype=mean.dtype, device=mean.device)
        parts.append((uniform[..., self.binary] < mean[..., self.binary]).to(mean.dtype))
        # the largest of Gumbel-perturbed log-probabilities is a draw from them
        gumbel = torch.log(mean) - torch.log(-torch.log(uniform))
        for width, part in zip(
            self.level_counts, gumbel[..., self.category].split(self.level_counts, -1), strict=False
        ):
            parts.append(nn.functional.one_hot(part.argmax(-1), width).to(mean.dtype))
        return torch.cat(parts, -1)

    def relaxed_sample(self, output: Tensor, generator: torch.Generator) -> Tensor:
        """Means of numbers, and labels and booleans drawn as 0 and 1, through which gradients pass.

        Backwards a draw is the softmax at a temperature of the same Gumbel noise (Jang, Gu & Poole 2017, "Categorical
        reparameterization with Gumbel-softmax").
        """
        parts = [self.likelihood.mean(output[..., self.real])]
        if self.binary.stop:
            logits = output[..., self.binary]
            uniform = torch.rand(logits.shape, generator=generator, dtype=logits.dtype, device=logits.device)
            soft = torch.sigmoid((logits + torch.logit(uniform, LEAST_CHANCE)) / TEMPERATURE)
            parts.append(_as_if(soft.round(), soft))
        if self.category.stop:
            logits = output[..., self.category]
            uniform = torch.rand(logits.shape, generator=generator, dtype=logits.dtype, device=logits.device)
            gumbel = -torch.log(-torch.log(uniform.clamp(LEAST_CHANCE, 1 - LEAST_CHANCE)))
            soft = torch.exp(self.softmax.log_prob((logits + gumbel) / TEMPERATURE))
            for width, part in zip(self.level_counts, soft.split(self.level_counts, -1), strict=True):
                parts.append(_as_if(nn.functional.one_hot(part.argmax(-1), width).to(part.dtype), part))
        return torch.cat(parts, -1)

    def by_column(self, targets: Tensor) -> Tensor:
        """Sum the targets of each column: (..., targets) to (..., columns), columns in the layout's order."""
        sums = targets.new_zeros((*targets.shape[:-1], len(self.layout.blocks)))
        return sums.index_add_(-1, self.column, targets)


def _as_if(values: Tensor, soft: Tensor) -> Tensor:
    """The values, with the gradients of the soft ones."""
    return values + soft - soft.detach()


def mixture_moments(mean: Tensor, variance: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Mean and variance of the mixture, in equal parts, of the components along a dimension, which goes."""
    return mean.mean(dim), variance.mean(dim) + mean.var(dim, unbiased=False)
