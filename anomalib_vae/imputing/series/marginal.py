"""A bend of each feature's axis that makes its distribution more normal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from anomalib_vae.imputing.series.stepped import SteppedSeries

KNOTS = 33  # quantiles between which the bend is straight
NORMAL_SHARE = 0.7  # of the bend: the rest is a straight line
SLOPES = (0.2, 4.0)  # against a straight line of the same spread: as flat and as steep as it may get
FAR = 5.0  # standard deviations beyond the range, up to which the ends are told; they are no steeper than 1
FEWEST = 20  # observed cells, with which a feature stays as it is


@dataclass(frozen=True)
class Marginal:
    """Piecewise linear, increasing, and defined beyond the range of training: knots of each feature in both spaces.

    A Gaussian copula (Liu, Lafferty & Wasserman 2009, "The nonparanormal") kept from bending too far, since what lies
    beyond the range seen has to be told as well.  given, bent: (features, knots), repeated where there are fewer.
    """

    given: np.ndarray
    bent: np.ndarray

    @classmethod
    def fit(cls, values: np.ndarray) -> Marginal:
        """values: (steps, features), NaN where missing."""
        pairs = [_bend(column[~np.isnan(column)]) for column in values.T]
        most = max(len(given) for given, _ in pairs)
        given, bent = (np.stack([np.pad(p[i], (0, most - len(p[i])), "edge") for p in pairs]) for i in (0, 1))
        return cls(given, bent)

    def forward(self, values: np.ndarray) -> np.ndarray:
        return _mapped(values, self.given, self.bent)

    def back(self, values: np.ndarray) -> np.ndarray:
        return _mapped(values, self.bent, self.given)

    def apply(self, series: SteppedSeries) -> SteppedSeries:
        return series.with_values(self.forward(series.values))


def _bend(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The knots of one feature's observed values: where they are, and where they go."""
    knots = np.unique(np.quantile(values, np.linspace(0, 1, KNOTS))) if len(values) >= FEWEST else np.empty(0)
    if len(knots) < 2:
        return np.array([-1.0, 1.0]), np.array([-1.0, 1.0])
    ordered, spread = np.sort(values), values.std()
    rank = (np.searchsorted(ordered, knots, "left") + np.searchsorted(ordered, knots, "right")) / (2 * len(values))
    normal = ndtri(np.clip(rank, 0.5 / KNOTS, 1 - 0.5 / KNOTS))
    widths = np.diff(knots)
    slopes = (1 - NORMAL_SHARE) / spread + NORMAL_SHARE * np.diff(normal) / widths
    slopes = np.clip(slopes, SLOPES[0] / spread, SLOPES[1] / spread)
    ends = FAR * spread * np.minimum(slopes[[0, -1]], 1 / spread)
    bent = np.concatenate([[0.0], np.cumsum(slopes * widths)])
    given = np.concatenate([[knots[0] - FAR * spread], knots, [knots[-1] + FAR * spread]])
    bent = np.concatenate([[-ends[0]], bent, [bent[-1] + ends[1]]])
    there = np.interp(values, given, bent)
    return given, (bent - there.mean()) / (there.std() or 1.0)


def _mapped(values: np.ndarray, given: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Linear between the knots, and on as at the ends beyond them."""
    found = np.empty_like(values)
    for i, (column, x, y) in enumerate(zip(values.T, given, wanted, strict=True)):
        x, at = np.unique(x, return_index=True)
        y = y[at]
        low, high = (y[1] - y[0]) / (x[1] - x[0]), (y[-1] - y[-2]) / (x[-1] - x[-2])
        inside = np.interp(column, x, y)
        below, above = y[0] + (column - x[0]) * low, y[-1] + (column - x[-1]) * high
        found[:, i] = np.where(column < x[0], below, np.where(column > x[-1], above, inside))
    return found
