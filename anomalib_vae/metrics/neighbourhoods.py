"""Density and coverage: how far generated rows lie where real ones do, and how many real ones have them nearby."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from anomalib_vae.metrics.features import checked_pair

ENTRIES = 2**22  # distances held at a time


def coverage(real: Any, generated: Any, k: int = 5) -> float:
    """The share of real rows with a generated one nearby, 0 to 1: the second part of `density_and_coverage`."""
    return density_and_coverage(real, generated, k)[1]


def density_and_coverage(real: Any, generated: Any, k: int = 5) -> tuple[float, float]:
    """Fidelity and diversity of generated features: Naeem et al. 2020, "Reliable fidelity and diversity metrics for
    generative models".

    Around each real row lies a ball that reaches to its k-th nearest other real row.  The density is the mean number
    of balls that a generated row lies in, divided by k: about 1 for rows drawn like the real ones, more where they keep
    to where real rows are dense.  The coverage is the share of balls with a generated row inside: 1 - 2^-k is to be
    expected for as many rows drawn alike, near 0 where a generator has collapsed.  Balls are closed, so that
    copies of real rows lie in theirs even where more than k real rows are equal.

    real: (rows, features), more than k rows.  generated: (other rows, features).
    Raises ValueError or TypeError naming the argument.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    real, generated = checked_pair(real, generated, rows=(k + 1, 1))
    inside = covered = 0
    for rows in _chunks(real, max(len(real), len(generated))):
        reach = np.partition(_squared_distances(rows, real), k, axis=1)[:, k]  # the row itself comes first
        within = _squared_distances(rows, generated) <= reach[:, None]
        inside += int(within.sum())
        covered += int(within.any(1).sum())
    return inside / (k * len(generated)), covered / len(real)


def _chunks(rows: np.ndarray, width: int) -> Iterator[np.ndarray]:
    """Parts of the rows, each so small that its distances to `width` others fit into ENTRIES."""
    size = max(1, ENTRIES // width)
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _squared_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(rows, other rows), exactly 0 for equal rows, which |x|² + |y|² - 2 x·y would not give."""
    from scipy.spatial.distance import cdist  # slow to import

    return cdist(first, second, "sqeuclidean")
