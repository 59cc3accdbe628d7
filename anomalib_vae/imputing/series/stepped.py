"""A frame of time series as steps: arrays in which the gaps between rows are rows too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.series import SeriesCodec
from anomalib_vae.codec.timeline import NOTHING


@dataclass(frozen=True)
class SteppedSeries:
    """Segments of steps, one after the other; what is in one says nothing of another.

    values: (steps, features), NaN where a cell is missing or a step has no row.  bounds: (segments + 1,), where each
    begins and the last one ends.  rows: (steps,), the position of each step's row in the frame, or NOTHING.
    """

    values: np.ndarray
    bounds: np.ndarray
    rows: np.ndarray

    @classmethod
    def of(cls, codec: SeriesCodec, X) -> SteppedSeries:
        """The sensors of a frame as the codec reads them: numbers standardised, a level of a label a feature."""
        segments = list(codec.timeline.segments(X, codec.window))
        steps: Batch = codec.steps(X)[:]
        rows, known = np.concatenate(segments), np.concatenate(segments) != NOTHING
        values = np.full((len(rows), steps.values.shape[1]), np.nan)
        cells = np.where(steps.observed.numpy() > 0, steps.values.numpy().astype(float), np.nan)
        values[known] = cells[rows[known]]
        return cls(values, np.cumsum([0, *map(len, segments)]), rows)

    @property
    def observed(self) -> np.ndarray:
        return ~np.isnan(self.values)

    @property
    def spans(self) -> Iterator[slice]:
        """The steps of each segment."""
        for start, stop in zip(self.bounds[:-1], self.bounds[1:], strict=True):
            yield slice(int(start), int(stop))

    def with_values(self, values: np.ndarray) -> SteppedSeries:
        return replace(self, values=values)

    def hide(self, cells: np.ndarray) -> SteppedSeries:
        """The same without some cells, (steps, features) of bool."""
        return self.with_values(np.where(cells, np.nan, self.values))

    def select(self, features: np.ndarray) -> SteppedSeries:
        """The same with some of the features."""
        return self.with_values(self.values[:, features])

    def take(self, steps: np.ndarray) -> SteppedSeries:
        """Some of the steps, (steps,) of bool; those that did not follow each other before do not now."""
        at = np.flatnonzero(steps)
        segment = np.searchsorted(self.bounds, at, side="right")
        new = np.flatnonzero((np.diff(at) > 1) | (np.diff(segment) > 0)) + 1
        return SteppedSeries(self.values[at], np.concatenate([[0], new, [len(at)]]), self.rows[at])

    def by_row(self, values: np.ndarray) -> np.ndarray:
        """Of values of the steps, (steps, ...), those of the rows in the order of the frame."""
        known = self.rows != NOTHING
        found = np.empty((np.count_nonzero(known), *values.shape[1:]), values.dtype)
        found[self.rows[known]] = values[known]
        return found
