"""The squared error, with a density to be scored by."""

from __future__ import annotations

from dataclasses import dataclass

from anomalib_vae.losses.gaussian import Gaussian


@dataclass(frozen=True)
class SquaredError(Gaussian):
    """Training minimises (x - location)² / 2, in standard deviations of the column or, of pixels, the range.

    The scales are learned from the residuals and leave the locations alone: scores use the Gaussian density with them,
    because residuals of columns that are known well and badly can't be added as they are.
    """

    def objective(self, values, location, log_scale, observed, progress):
        error = 0.5 * (values - location).square()
        density = self.log_prob(values, location.detach(), log_scale)
        return density + error.detach() - error  # the density as a number, each part of the gradient to its own
