"""How far missing pixels lie from what is predicted of them, and how their residuals hang together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch

from anomalib_vae.imputing.images.noise import PixelNoise

SUPPORT_EDGES = (0.02, 0.25)  # shares of observed pixels around one: in the midst of a hole, at its edge, among others
SHADES = 12  # bins of predictions
FEW = 100  # hidden pixels of a bin, below which it has the residuals of all
LEVELS = np.arange(1, 200) / 200  # of the quantiles that are kept


@dataclass(frozen=True)
class PixelCalibration:
    """Residuals of hidden pixels, in bins by the support of a pixel and its prediction.

    A pixel that is predicted black is black far more surely than one predicted grey is grey, and one among observed
    pixels is known better than one in the midst of a hole.  Inside a bin the residuals are those of split conformal
    prediction (Lei, G'Sell, Rinaldo, Tibshirani and Wasserman 2018, "Distribution-free predictive inference for
    regression"; by groups: Vovk, Lindsay, Nouretdinov and Gammerman 2003, "Mondrian confidence machine").

    edges: between bins of predictions, (shades - 1,).  quantiles: of residuals, (bins, levels).
    """

    edges: np.ndarray
    quantiles: np.ndarray
    noise: PixelNoise

    @classmethod
    def fit(
        cls,
        residuals: np.ndarray,
        predictions: np.ndarray,
        support: np.ndarray,
        hidden: np.ndarray,
        grid: tuple[int, int, int],
    ) -> Self:
        """All (images, pixels); support: see `local_residuals`; hidden: which pixels were, of bool."""
        shades = int(np.clip(hidden.sum() // (FEW * len(SUPPORT_EDGES)), 1, SHADES))
        edges = np.quantile(predictions[hidden], np.arange(1, shades) / shades) if hidden.any() else np.empty(0)
        bins = _bins(edges, predictions, support)
        of_all = residuals[hidden] if hidden.any() else np.zeros(1)
        quantiles = np.tile(_quantiles(of_all), ((len(edges) + 1) * (len(SUPPORT_EDGES) + 1), 1))
        sizes = np.zeros(residuals.shape)
        for position in range(len(quantiles)):
            at = hidden & (bins == position)
            if at.sum() >= FEW:
                quantiles[position] = _quantiles(residuals[at])
            sizes[at] = np.sqrt(np.mean(residuals[at] ** 2)) if at.any() else 0.0
        return cls(edges, quantiles, PixelNoise.fit(np.where(hidden, residuals, 0.0), sizes, grid))

    def quantile(self, share: float | np.ndarray, predictions: np.ndarray, support: np.ndarray) -> np.ndarray:
        """The residual below which a pixel's lies with that probability, (images, pixels)."""
        found, bins = np.empty(predictions.shape), _bins(self.edges, predictions, support)
        share = np.broadcast_to(share, predictions.shape)
        for position in np.unique(bins):
            at = bins == position
            found[at] = np.interp(share[at], LEVELS, self.quantiles[position])
        return found

    def state(self) -> dict[str, torch.Tensor]:
        parts = {"edges": self.edges, "quantiles": self.quantiles}
        return {name: torch.from_numpy(part) for name, part in parts.items()} | self.noise.state()

    @classmethod
    def from_state(cls, state: dict[str, torch.Tensor]) -> Self:
        return cls(state["edges"].numpy(), state["quantiles"].numpy(), PixelNoise.from_state(state))


def _bins(edges: np.ndarray, predictions: np.ndarray, support: np.ndarray) -> np.ndarray:
    return np.searchsorted(SUPPORT_EDGES, support) * (len(edges) + 1) + np.searchsorted(edges, predictions)


def _quantiles(residuals: np.ndarray) -> np.ndarray:
    """The i-th smallest of n stands for i / (n + 1), as a new one falls below it with that probability."""
    return np.quantile(residuals, LEVELS, method="weibull")
