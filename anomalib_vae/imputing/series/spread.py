"""How far the cells of gaps lie from what is expected of them, told by cells hidden for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomalib_vae.imputing.series.mixture import N_BINS

PRIOR_CELLS = 30.0  # a sensor in a bin with as many hidden cells leans as much on itself as on others
FEW = 200  # hidden cells, below which a bin takes the shape of its residuals from all
KEPT = 500  # quantiles
SHARES = np.arange(1, KEPT + 1) / (KEPT + 1)
SMALLEST = 1e-9


@dataclass(frozen=True)
class Spread:
    """Normalised split conformal prediction (Lei et al. 2018): a scale for each sensor and bin, and the quantiles of
    residuals in units of it, for each bin.

    scale: (features, bins), mean absolute residuals.  quantiles: (bins, KEPT), at SHARES.
    """

    scale: np.ndarray
    quantiles: np.ndarray

    @classmethod
    def fit(cls, residuals: np.ndarray, feature: np.ndarray, bin_: np.ndarray, features: int) -> Spread:
        """residuals: of hidden cells, truth less what is expected, (cells,)."""
        scale = np.maximum(_mean_by_bin(np.abs(residuals), feature, bin_, features), SMALLEST)
        shape = residuals / scale[feature, bin_]
        quantiles = np.zeros((N_BINS, KEPT))
        for one in range(N_BINS):
            own = shape[bin_ == one]
            own = own if len(own) >= FEW else shape
            quantiles[one] = np.quantile(own, SHARES) if len(own) else 0.0
        return cls(scale, quantiles)

    def bound(self, share, bin_: np.ndarray) -> np.ndarray:
        """How far below, (steps, features), the truth lies with probability `share`, a number or of that shape."""
        found, share = np.empty(bin_.shape), np.broadcast_to(share, bin_.shape)
        for one in range(N_BINS):
            where = bin_ == one
            found[where] = np.interp(share[where], SHARES, self.quantiles[one])
        return found * self._scale_at(bin_)

    def rank(self, residuals: np.ndarray, bin_: np.ndarray) -> np.ndarray:
        """The share of residuals that lie below these, (steps, features): the way back from `bound`."""
        found, shape = np.empty(bin_.shape), residuals / self._scale_at(bin_)
        for one in range(N_BINS):
            where = bin_ == one
            found[where] = np.interp(shape[where], self.quantiles[one], SHARES)
        return found

    def _scale_at(self, bin_: np.ndarray) -> np.ndarray:
        return self.scale[np.arange(bin_.shape[1]), bin_]


def _mean_by_bin(values: np.ndarray, feature: np.ndarray, bin_: np.ndarray, features: int) -> np.ndarray:
    """Of numbers above 0, (cells,), the mean for each sensor and bin, (features, bins).

    Where cells are few it is drawn to the product of what is usual in the bin and for the sensor.
    """
    cell, shape = feature * N_BINS + bin_, (features, N_BINS)
    total = np.bincount(cell, values, features * N_BINS).reshape(shape)
    count = np.bincount(cell, minlength=features * N_BINS).reshape(shape)
    usual = values.mean() if len(values) else 1.0
    of_bin, of_sensor = ((total.sum(axis) + PRIOR_CELLS * usual) / (count.sum(axis) + PRIOR_CELLS) for axis in (0, 1))
    product = of_bin[None] * of_sensor[:, None] / max(usual, SMALLEST)
    return (total + PRIOR_CELLS * product) / (count + PRIOR_CELLS)
