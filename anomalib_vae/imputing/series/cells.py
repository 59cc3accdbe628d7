"""What may stand in the missing cells of time series, as an imputer asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from anomalib_vae.codec.batch import Layout
from anomalib_vae.imputing.label_calibration import SMALLEST, of_levels
from anomalib_vae.imputing.series.fillers import Fillers
from anomalib_vae.imputing.series.stepped import SteppedSeries


@dataclass(frozen=True)
class SeriesCells:
    """Rows of time series, and what a filler makes of their cells; see `uncertain_cells.UncertainCells`.

    prediction: (rows, targets).  bin_: of the filler.
    """

    filler: Fillers
    layout: Layout
    series: SteppedSeries
    prediction: np.ndarray
    bin_: list[np.ndarray]

    @classmethod
    def of(cls, filler: Fillers, layout: Layout, series: SteppedSeries) -> SeriesCells:
        expected, bin_ = filler.expect(series)
        return cls(filler, layout, series, series.by_row(expected), bin_)

    def bound(self, share: float) -> np.ndarray:
        """Targets below which a number lies with that probability, (rows, targets); of labels the prediction."""
        numbers = self.layout.target_span("real")
        found = self.prediction.copy()
        found[:, numbers] += self.series.by_row(self.filler.bound(share, self.bin_))[:, numbers]
        return found

    def probabilities(self, position: int) -> np.ndarray:
        """Of the levels of the column at that position of the layout, (rows, levels); of a boolean False and True."""
        return _probabilities(self.prediction[:, self.layout.target_slices[position]])

    def draws(self, m: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Targets m times, each (rows, targets), to be decoded as predicted ones are; see `Fillers.draw`."""
        numbers = self.layout.target_span("real")
        for _ in range(m):
            drawn = self.prediction.copy()
            drawn[:, numbers] += self.series.by_row(self.filler.draw(self.series, self.bin_, rng))[:, numbers]
            for block, at in zip(self.layout.blocks, self.layout.target_slices, strict=True):
                if block.kind != "real":
                    p = _probabilities(self.prediction[:, at])
                    race = p / rng.exponential(size=p.shape)  # the winner is a draw from p
                    drawn[:, at] = race if block.kind == "category" else race[:, 1:] > race[:, :1]
            yield drawn


def _probabilities(targets: np.ndarray) -> np.ndarray:
    p = np.maximum(of_levels(targets), SMALLEST)
    return p / p.sum(axis=1, keepdims=True)
