"""Noise for the pixels of images that hangs together as residuals do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch

PRIOR_PAIRS = 20.0  # pixels so far apart that so many pairs were hidden are taken at half their correlation
CHUNK = 512  # images at once
SMALLEST = 1e-3  # eigenvalue of the correlation of channels


@dataclass(frozen=True)
class PixelNoise:
    """A stationary Gaussian of variance 1: the correlation of two pixels depends on how far apart they are, in rows and
    in columns, alone.

    It is drawn on a torus of twice the image's height and width, on which it is diagonal in Fourier's basis (Dietrich
    and Newsam 1997, "Fast and exact simulation of stationary Gaussian processes through circulant embedding").

    amplitude: of each frequency, (2 x height, 2 x width).  channels: a factor of their correlation, (channels,
    channels).
    """

    amplitude: np.ndarray
    channels: np.ndarray

    @classmethod
    def fit(cls, residuals: np.ndarray, sizes: np.ndarray, grid: tuple[int, int, int]) -> Self:
        """residuals: of hidden pixels.  sizes: root mean square of the residuals of pixels like each.  Both (images,
        pixels), 0 where nothing was hidden.

        Pairs of pixels count as much as they vary: how black ones tremble says nothing of the grey ones.
        """
        residuals, sizes = (part.reshape(-1, *grid) for part in (residuals, sizes))
        products, expected = _lagged(residuals), _lagged(sizes)
        typical = expected[0, 0] / max(np.count_nonzero(sizes), 1) or 1.0
        correlation = products / (np.maximum(expected, 0.0) + PRIOR_PAIRS * typical)
        correlation[0, 0] = 1.0
        spectrum = np.maximum(np.fft.fft2(correlation).real, 0.0)
        return cls(np.sqrt(spectrum / spectrum.mean()), _factor(residuals, sizes, typical))

    def draw(self, images: int, rng: np.random.Generator) -> np.ndarray:
        """(images, pixels), standard-normal each."""
        parts = [self._draw(min(CHUNK, images - start), rng) for start in range(0, images, CHUNK)]
        return np.concatenate(parts).reshape(images, -1)

    def _draw(self, images: int, rng: np.random.Generator) -> np.ndarray:
        height, width = (side // 2 for side in self.amplitude.shape)
        white = rng.standard_normal((images, *self.amplitude.shape, len(self.channels)))
        smooth = np.fft.ifft2(self.amplitude[..., None] * np.fft.fft2(white, axes=(1, 2)), axes=(1, 2)).real
        return smooth[:, :height, :width] @ self.channels.T

    def state(self) -> dict[str, torch.Tensor]:
        return {"amplitude": torch.from_numpy(self.amplitude), "channels": torch.from_numpy(self.channels)}

    @classmethod
    def from_state(cls, state: dict[str, torch.Tensor]) -> Self:
        return cls(state["amplitude"].numpy(), state["channels"].numpy())


def _lagged(images: np.ndarray) -> np.ndarray:
    """Sums of products of pixels, by how far apart they are: (2 x height, 2 x width), of all images and channels."""
    padded = (2 * images.shape[1], 2 * images.shape[2])
    power = sum((np.abs(np.fft.fft2(image, padded, axes=(0, 1))) ** 2).sum(-1) for image in images)
    return np.fft.ifft2(power).real


def _factor(residuals: np.ndarray, sizes: np.ndarray, typical: float) -> np.ndarray:
    """Lower triangular, of the channels' correlation at one place."""
    residuals, sizes = (part.reshape(-1, part.shape[-1]) for part in (residuals, sizes))
    correlation = residuals.T @ residuals / (sizes.T @ sizes + PRIOR_PAIRS * typical)
    np.fill_diagonal(correlation, 1.0)
    values, vectors = np.linalg.eigh(correlation)
    positive = (vectors * np.maximum(values, SMALLEST)) @ vectors.T
    deviation = np.sqrt(np.diag(positive))
    return np.linalg.cholesky(positive / np.outer(deviation, deviation))
