"""Correntropy (the Welsch kernel): training that lets go of cells or rows far from what the model expects."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from anomalib_vae.losses.gaussian import HALF_LOG_TWO_PI, Gaussian


@dataclass(frozen=True)
class Correntropy(Gaussian):
    """The maximum correntropy criterion of Liu, Pokharel & Príncipe 2007, in the form of a Gaussian to be scored with.

    Training replaces u²/2, u the residual in units of the learned scale, by s² (1 - exp(-u² / 2s²)): the squared error
    as the bandwidth s grows, and bounded for any s, so that a residual far beyond s has no pull.  Because the scale is
    learned from the residuals under the same kernel, the bandwidth follows the residuals too; a constant factor, for
    cells (1 + 1/s²)^(3/2), keeps that scale consistent where the data are Gaussian.  s starts at `start` times
    `bandwidth` and shrinks geometrically to it over the first half of the training, so that no cell is dropped before
    the model knows it.  Scores use the Gaussian density with the scale so learned: a kernel is not a density, and a
    bound needs one.

    bandwidth: in learned standard deviations.  per: "cell" or "row" (the mean squared residual of a row in one kernel).
    """

    bandwidth: float = 2.5
    per: str = "cell"
    start: float = 4.0

    def objective(self, values, location, log_scale, observed, progress):
        width = self.bandwidth * self.start ** max(0.0, 1.0 - 2.0 * progress)
        squares = ((values - location) * torch.exp(-log_scale)).square()
        if self.per == "row":
            # the mean square of Gaussian residuals is near 1, where this factor makes the kernel's weight 1
            consistency = math.exp(1 / (2 * width**2))
            squares = (squares * observed).sum(-1, keepdim=True) / observed.sum(-1, keepdim=True).clamp_min(1.0)
        else:
            consistency = (1 + 1 / width**2) ** 1.5
        kernel_loss = width**2 * -torch.expm1(-squares / (2 * width**2))
        return -consistency * kernel_loss - log_scale - HALF_LOG_TWO_PI
