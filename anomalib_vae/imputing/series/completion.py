"""What tells an imputer what may stand in the missing cells of time series."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from sklearn.exceptions import NotFittedError

from anomalib_vae.codec.filling import unlimited
from anomalib_vae.imputing.completion import NOT_CALIBRATED
from anomalib_vae.imputing.series.cells import SeriesCells
from anomalib_vae.imputing.series.fillers import Fillers
from anomalib_vae.imputing.series.stepped import SteppedSeries


class SeriesCompletion:
    """Each missing cell gets what `Fillers` expect given the steps on both sides, of all sensors.

    What a model's network expects in a window is not asked: it comes from one code for all of the window's cells, too
    few numbers to tell each of them as well as its neighbours do (measured in benchmarks/NOTES.md).

    Numbers may leave the range of training, as sensors do.  filler: None in an imputer that was never fitted.
    """

    def __init__(self, model: Any, filler: Fillers | None = None):
        self.model, self.filler, self.codec = model, filler, unlimited(model.table_codec)

    @classmethod
    def fit(cls, model: Any, trained: Any, held_out: Any, rng: np.random.Generator) -> Self:
        """Hidden cells of the rows that the model was fitted to tell all: those held out are of no use."""
        columns = np.array(model.codec_.layout.step.column_of_target)
        return cls(model, Fillers.fit(SteppedSeries.of(model.codec_, trained), columns, rng))

    @classmethod
    def from_state(cls, model: Any, state: dict[str, torch.Tensor] | None) -> Self:
        return cls(model, None if state is None else Fillers.from_state(state))

    def state(self) -> dict[str, torch.Tensor]:
        return {} if self.filler is None else self.filler.state()

    def read(self, X: Any) -> SteppedSeries:
        return SteppedSeries.of(self.model.codec_, X)

    def expected(self, rows: SteppedSeries) -> np.ndarray:
        return self.cells(rows).prediction

    def cells(self, rows: SteppedSeries) -> SeriesCells:
        if self.filler is None:
            raise NotFittedError(NOT_CALIBRATED)
        return SeriesCells.of(self.filler, self.model.codec_.layout.step, rows)
