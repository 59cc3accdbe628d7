"""What a prediction is off by at the observed pixels around a missing one."""

from __future__ import annotations

import numpy as np

REACH = 0.7  # pixels: standard deviation of the weights, so that hardly more than the neighbours count
PRIOR = 0.1  # of no residual, in the share of observed pixels


def local_residuals(
    residuals: np.ndarray, observed: np.ndarray, grid: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The mean residual of the observed pixels around each, shrunk towards 0 where they are few, and their support:
    which share of the weight around it is observed.  All arrays are (images, pixels).

    A normalised convolution (Knutsson and Westin 1993, "Normalized and differential convolution").
    """
    seen = observed.astype(float)
    support = _blurred(seen, grid)
    return _blurred(residuals * seen, grid) / (support + PRIOR), support


def _blurred(images: np.ndarray, grid: tuple[int, int, int]) -> np.ndarray:
    from scipy.ndimage import gaussian_filter  # slow to import

    blurred = gaussian_filter(images.reshape(-1, *grid), (0, REACH, REACH, 0), mode="constant")
    return blurred.reshape(images.shape)
