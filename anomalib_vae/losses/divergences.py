"""How far a posterior is from a prior, in nats."""

from __future__ import annotations

import torch
from torch import Tensor


def gaussian_divergence(
    mean: Tensor, log_variance: Tensor, prior_mean: Tensor | None = None, prior_log_variance: Tensor | None = None
) -> Tensor:
    """KL(N(mean, variance) || N(prior_mean, prior_variance)) of each latent dimension, by default from N(0, 1)."""
    difference, scaled = log_variance, mean.square()
    if prior_mean is not None and prior_log_variance is not None:
        difference = log_variance - prior_log_variance
        scaled = (mean - prior_mean).square() * torch.exp(-prior_log_variance)
    return 0.5 * (torch.exp(difference) + scaled - 1.0 - difference)


def gaussian_log_density(values: Tensor, mean: Tensor | float = 0.0, log_variance: Tensor | float = 0.0) -> Tensor:
    """log N(values; mean, variance) of each dimension, without the constant log(2π)/2, which cancels in ratios."""
    log_variance = torch.as_tensor(log_variance, dtype=values.dtype)
    return -0.5 * ((values - mean).square() * torch.exp(-log_variance) + log_variance)


def free_bits(divergence: Tensor, nats: float) -> Tensor:
    """The batch's mean divergence of each dimension, at least `nats` (Kingma et al. 2016): a dimension may carry that
    much for nothing, so it has no reason to collapse.  (..., rows, dimensions) to (..., 1, dimensions)."""
    return divergence.mean(-2, keepdim=True).clamp_min(nats)
