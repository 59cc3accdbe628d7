"""Which rows of a frame follow each other: series told apart by one column, steps told by the stamps in another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from anomalib_vae.codec import frames, selection
from anomalib_vae.codec.column import Column

NOTHING = -1  # in the place of a row: a step of which no row tells


@dataclass(frozen=True)
class Timeline:
    """How the rows of a frame lie in time.

    time, series: names of the columns that hold the stamps and what tells series apart, or None.  step: the usual
    distance between two stamps, learned in training, in the stamps' own unit (microseconds for dates).
    """

    time: Any = None
    series: Any = None
    step: float = 1.0

    @classmethod
    def fit(cls, X, time, series) -> Timeline:
        """Learn the usual step of the frame.  Raises as `segments`, and ValueError for a column that isn't there."""
        names = frames.names_of(X)
        for parameter, name in (("time", time), ("series", series)):
            if name is not None and name not in names:
                there_are = ", ".join(map(str, names[:20]))
                raise ValueError(f"{parameter}: there is no column {name!r}; there are {there_are}. Correct the name.")
        if len({time, series} - {None}) == len(names):
            raise ValueError("time and series are the only columns: give at least one column of measurements.")
        if time is None:
            return cls(time, series)
        stamps = cls(time, series).stamps(X)
        distances = [np.diff(stamps[rows]) for rows in cls(time, series).rows_of_series(X)]
        known = np.concatenate(distances) if distances else np.empty(0)
        return cls(time, series, float(np.median(known)) if len(known) else 1.0)

    @property
    def columns(self) -> list:
        """The columns that say when and where a row was measured, and not what."""
        return [name for name in (self.time, self.series) if name is not None]

    def sensors(self, X):
        """The other columns of X."""
        if not self.columns:
            return X
        return selection.select(X, [i for i, name in enumerate(frames.names_of(X)) if name not in self.columns])

    def keys(self, X) -> np.ndarray:
        """What tells the series of each row, (rows,)."""
        if self.series is None:
            return np.zeros(len(X))
        return self._column(X, self.series).values

    def stamps(self, X) -> np.ndarray:
        """The stamp of each row, (rows,), NaN where there is none."""
        return np.full(len(X), np.nan) if self.time is None else self._column(X, self.time).values

    def steps_between(self, before, after):
        """How many usual steps lie from one stamp to a later one, at least 1; 1 where there are no stamps."""
        if self.time is None:
            return np.ones(np.shape(after), np.int64)
        return np.maximum(np.rint((after - before) / self.step), 1).astype(np.int64)

    def segments(self, X, longest_gap: int) -> Iterator[np.ndarray]:
        """The steps of each uninterrupted series: for each step the position of its row in X, or NOTHING.

        A stamp k usual steps after the one before leaves k - 1 steps of which nothing is known.  With `longest_gap` of
        them or more the rows after the gap are a segment of their own.
        Raises ValueError naming the rows whose stamp is missing, given twice, or earlier than that of the row before.
        """
        stamps = self.stamps(X)
        for rows in self.rows_of_series(X):
            ahead = self.steps_between(stamps[rows[:-1]], stamps[rows[1:]])
            for part in np.split(np.arange(len(rows)), np.flatnonzero(ahead > longest_gap) + 1):
                at = np.concatenate([[0], np.cumsum(ahead[part[:-1]])])
                steps = np.full(at[-1] + 1, NOTHING)
                steps[at] = rows[part]
                yield steps

    def rows_of_series(self, X) -> Iterator[np.ndarray]:
        """The positions of the rows of each series, whose stamps are in order."""
        stamps = self.stamps(X)
        if self.time is not None and np.isnan(stamps).any():
            raise ValueError(f"time: {_rows(np.isnan(stamps))} of column {self.time!r} hold no stamp: drop them.")
        keys = self.keys(X)
        if pd.isna(keys).any():
            raise ValueError(
                f"series: {_rows(pd.isna(keys))} of column {self.series!r} say not which series they are of: fill in "
                "the name, or drop them."
            )
        for rows in self._by_key(keys):
            self._check_order(stamps[rows], rows)
            yield rows

    def _by_key(self, keys: np.ndarray) -> list[np.ndarray]:
        if self.series is None:
            return [np.arange(len(keys))]
        codes = pd.factorize(keys)[0]
        order = np.argsort(codes, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)

    def _check_order(self, stamps: np.ndarray, rows: np.ndarray) -> None:
        distances = np.diff(stamps)
        if not (distances <= 0).any():  # nor where there are no stamps
            return
        of = f"of column {self.time!r}" + ("" if self.series is None else f" and one {self.series!r}")
        same = np.flatnonzero(distances == 0)
        if len(same):
            pairs = ", ".join(f"{rows[i]} and {rows[i + 1]}" for i in same[:5])
            raise ValueError(
                f"time: {len(same)} stamps {of} are given twice, in rows {pairs} (counted from 0): drop or average one "
                "of each two; where clocks were set back, make the stamps UTC with tz_localize and tz_convert."
            )
        back = np.flatnonzero(distances < 0)
        raise ValueError(
            f"time: row {rows[back[0] + 1]} (counted from 0) {of} is earlier than the row before it: sort the rows "
            "by time; where clocks were set back, make the stamps UTC with tz_localize and tz_convert."
        )

    def _column(self, X, name) -> Column:
        column = frames.read(selection.select(X, [frames.names_of(X).index(name)]))[0]
        if name == self.time and column.family in ("label", "boolean"):
            raise TypeError(
                f"time: column {name!r} holds no times or numbers: convert it, for example with pandas.to_datetime."
            )
        return column


def _rows(found: np.ndarray) -> str:
    at = np.flatnonzero(found)
    return f"rows {', '.join(map(str, at[:5]))}{', ...' if len(at) > 5 else ''} (counted from 0)"
