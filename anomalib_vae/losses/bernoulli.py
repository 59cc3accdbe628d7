"""The likelihood of booleans, and of grey pixels."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from anomalib_vae.losses.likelihood import Likelihood


def bernoulli_log_prob(values: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """log p(x) for x in {0, 1} (or in between, for grey pixels), elementwise, in nats."""
    return values * logits - torch.nn.functional.softplus(logits)


@dataclass(frozen=True)
class Bernoulli(Likelihood):
    """log p(x) = x log p + (1 - x) log(1 - p) of pixels from 0, black, to 1, white; the location is the logit of p.

    A probability for pixels that are black or white; for grey ones the cross-entropy that the literature reports for
    MNIST.  Pixels beyond black and white count as these.  It has no scale.
    """

    def log_prob(self, values, location, log_scale):
        return bernoulli_log_prob(values.clamp(0.0, 1.0), location)

    def mean(self, location):
        return torch.sigmoid(location)

    def variance(self, log_scale, location=None):
        """p (1 - p), at most 1/4, which it is where the location is not told."""
        mean = torch.sigmoid(torch.zeros_like(log_scale) if location is None else location)
        return mean * (1.0 - mean)

    def sample(self, location, log_scale, generator):
        uniform = torch.rand(location.shape, generator=generator, dtype=location.dtype, device=location.device)
        return (uniform < self.mean(location)).to(location.dtype)
