"""A numeric column in two views: standardised, which keeps distances and is what a model gives back, and rank-normal,
which keeps order alone and is read only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from scipy.special import ndtri

from anomalib_vae.codec.batch import Kind
from anomalib_vae.codec.column import Column

STANDARD_LIMIT = 10.0  # standard deviations: beyond it, further only means "far"
RANK_LIMIT = 3.5  # the rank-normal value of one row in four thousand
MAX_KNOTS = 512
EXACT = 2**53  # up to here float64 holds every integer


@dataclass(frozen=True)
class NumberCodec:
    """Learned once from the observed cells of one column; `encode` gives (rows, 2), `decode` takes (rows, 1), the
    standardised view."""

    name: object
    center: float
    scale: float
    lower: float
    upper: float
    knots: tuple[float, ...]
    ranks: tuple[float, ...]
    whole: bool = False
    kind: ClassVar[Kind] = "real"
    width: ClassVar[int] = 2

    @classmethod
    def fit(cls, column: Column) -> NumberCodec:
        values, counts = np.unique(column.values[column.observed], return_counts=True)
        size = max(float(np.abs(values).max()), np.finfo(float).tiny)  # sums of squares of 1e200 would overflow
        share = counts / counts.sum()
        mean = float(np.sum(share * (values / size)))
        spread = float(np.sqrt(np.sum(share * (values / size - mean) ** 2)))
        if len(values) == 1 or spread < 1e-12:  # a constant: one of its own size away counts as one deviation
            center, scale = float(values[0]), abs(float(values[0])) or 1.0
        else:
            center, scale = mean * size, spread * size
        knots, ranks = _rank_knots(values, share)
        whole = column.family in ("integer", "time", "duration")
        return cls(column.name, center, scale, float(values[0]), float(values[-1]), knots, ranks, whole)

    def encode(self, column: Column) -> tuple[np.ndarray, np.ndarray]:
        views = np.empty((len(column.values), 2), np.float32)
        with np.errstate(over="ignore"):  # a far cell may pass float64's range on its way to the limit
            standard = column.values - self.center
            standard /= self.scale
        views[:, 0] = np.clip(standard, -STANDARD_LIMIT, STANDARD_LIMIT, out=standard)
        views[:, 1] = np.interp(column.values, *self._curve)
        observed = column.observed
        if not observed.all():
            views[~observed] = 0.0
        return views, observed

    @cached_property
    def _curve(self) -> tuple[np.ndarray, np.ndarray]:
        return np.array(self.knots), np.array(self.ranks)

    def decode(self, standard: np.ndarray, *, clip: bool = True) -> np.ndarray:
        values = standard[:, 0] * self.scale + self.center
        if clip:
            values = np.clip(values, self.lower, self.upper)
        if not self.whole:
            return values
        rounded = np.rint(values)
        return rounded.astype(np.int64) if np.abs(rounded).max(initial=0) < EXACT else rounded


def _rank_knots(values, share) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Distinct values and the normal quantile of each one's mid-rank, thinned to at most MAX_KNOTS."""
    middle = np.cumsum(share) - share / 2
    if len(values) > MAX_KNOTS:
        at = np.searchsorted(middle, np.linspace(middle[0], middle[-1], MAX_KNOTS))
        at = np.unique(np.r_[0, np.clip(at, 0, len(values) - 1), len(values) - 1])
        values, middle = values[at], middle[at]
    ranks = np.clip(ndtri(middle), -RANK_LIMIT, RANK_LIMIT)
    return tuple(values.tolist()), tuple(ranks.tolist())
