"""The Gaussian likelihood for models whose mean is what is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from anomalib_vae.losses.gaussian import Gaussian


@dataclass(frozen=True)
class MeanSeeking(Gaussian):
    """Training adds the plain squared error to the density; scores use the density alone.

    Under the density a column counts the more the better it is known, and those with much left to learn go short; under
    the squared error all residuals weigh the same (Seitzer et al. 2022, "On the pitfalls of heteroscedastic uncertainty
    estimation with probabilistic neural networks").

    density_weight: of the log-density in training; squared_weight: of the squared residual, in standard deviations.
    """

    density_weight: float = 0.5
    squared_weight: float = 0.75

    def objective(self, values, location, log_scale, observed, progress):
        density = self.log_prob(values, location, log_scale)
        return self.density_weight * density - self.squared_weight * (values - location).square()
