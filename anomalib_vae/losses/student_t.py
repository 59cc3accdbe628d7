"""Student's t likelihood: tails heavy enough that a far cell does not decide the fit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from anomalib_vae.losses.likelihood import Likelihood


@dataclass(frozen=True)
class StudentT(Likelihood):
    """Lange, Little & Taylor 1989, "Robust statistical modeling using the t distribution".

    degrees_of_freedom: the smaller, the heavier the tails; infinite would be the Gaussian.
    """

    degrees_of_freedom: float = 3.0

    def log_prob(self, values, location, log_scale):
        nu = self.degrees_of_freedom
        residual = (values - location) * torch.exp(-log_scale)
        constant = math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - 0.5 * math.log(nu * math.pi)
        return constant - log_scale - 0.5 * (nu + 1) * torch.log1p(residual.square() / nu)

    def variance(self, log_scale, location=None):
        nu = self.degrees_of_freedom
        return torch.exp(2 * log_scale) * (nu / (nu - 2) if nu > 2 else math.inf)

    def sample(self, location, log_scale, generator):
        """Bailey 1994, "Polar generation of random variates with the t-distribution": exact for any degrees."""
        nu = self.degrees_of_freedom

        def uniform():
            return torch.rand(location.shape, generator=generator, dtype=location.dtype, device=location.device)

        radius = torch.sqrt(nu * torch.expm1(-2 / nu * torch.log1p(-uniform())))
        return location + torch.exp(log_scale) * radius * torch.cos(2 * math.pi * uniform())
