"""The Gaussian likelihood."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from anomalib_vae.losses.likelihood import Likelihood

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True)
class Gaussian(Likelihood):
    """log p(x) = -u² / 2 - log scale - log(2π) / 2 with the standardised residual u = (x - location) / scale."""

    def log_prob(self, values, location, log_scale):
        residual = (values - location) * torch.exp(-log_scale)
        return torch.addcmul(-log_scale - HALF_LOG_TWO_PI, residual, residual, value=-0.5)

    def variance(self, log_scale, location=None):
        return torch.exp(2 * log_scale)

    def sample(self, location, log_scale, generator):
        noise = torch.randn(location.shape, generator=generator, dtype=location.dtype, device=location.device)
        return location + torch.exp(log_scale) * noise
