"""The kernel distance of two sets of features: a maximum mean discrepancy without bias."""

from __future__ import annotations

from typing import Any

import numpy as np

from anomalib_vae.metrics.features import checked_pair

DEGREE = 3


def kernel_distance(
    real: Any, generated: Any, *, n_subsets: int = 10, subset_size: int = 1000, random_state: int | None = 0
) -> tuple[float, float]:
    """The squared maximum mean discrepancy of real and generated features, and its standard error.

    The unbiased estimate with the kernel k(x, y) = (x·y / features + 1)³: the KID of Bińkowski et al. 2018,
    "Demystifying MMD GANs".  It is the mean over subsets of the rows.  These are disjoint, so that they say
    independently of each other how much the estimate varies; subsets that share rows understate it.  Where both sets
    come from one distribution the mean varies around 0 and may be negative.

    real: (rows, features).  generated: (other rows, features).  n_subsets: two or more.  subset_size: rows of each
    set in a subset, fewer where there are not enough; memory grows with its square.  random_state: seed of the draw.
    Returns (distance, standard error).  Raises ValueError or TypeError naming the argument, as for fewer than two rows
    a subset.
    """
    for name, value in (("n_subsets", n_subsets), ("subset_size", subset_size)):
        if value < 2:
            raise ValueError(f"{name} must be at least 2, got {value}")
    real, generated = checked_pair(real, generated, rows=(2 * n_subsets, 2 * n_subsets))
    rng, size = np.random.default_rng(random_state), min(subset_size, min(len(real), len(generated)) // n_subsets)
    places = [rng.permutation(len(rows))[: n_subsets * size].reshape(n_subsets, size) for rows in (real, generated)]
    distances = [_squared_discrepancy(real[i], generated[j]) for i, j in zip(*places, strict=True)]
    return float(np.mean(distances)), float(np.std(distances, ddof=1) / np.sqrt(n_subsets))


def _squared_discrepancy(first: np.ndarray, second: np.ndarray) -> float:
    """The unbiased estimate: no row is compared with itself.  Gretton et al. 2012, "A kernel two-sample test"."""
    return _mean_of_pairs(first) + _mean_of_pairs(second) - 2.0 * float(_kernel(first, second).mean())


def _mean_of_pairs(rows: np.ndarray) -> float:
    kernel = _kernel(rows, rows)
    return float((kernel.sum() - np.trace(kernel)) / (len(rows) * (len(rows) - 1)))


def _kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first @ second.T / first.shape[1] + 1.0) ** DEGREE
