"""Why a row is suspicious: each column's part of its score, what was expected there, and both as texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from scipy.special import ndtri

from anomalib_vae.codec import frames
from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.boolean import BooleanCodec
from anomalib_vae.codec.category import CategoryCodec
from anomalib_vae.codec.column import Column
from anomalib_vae.codec.table import TableCodec
from anomalib_vae.models import left_out

CANDIDATES = 6  # cells that are tried in each row: in most anomalies one of them is the cell that explains most

Score = Callable[[Batch], np.ndarray]  # of encoded rows, in nats, (rows,)


@dataclass(frozen=True)
class Expectation:
    """What a model expects in the cells of some rows, as pandas frames of their rows and columns.

    expected: cells of the training frame's dtypes.  low, high: of numbers, missing for labels and booleans.
    probability: of the expected label or boolean.  found_probability: of the one found.  Both are missing for numbers.
    """

    expected: pd.DataFrame
    low: pd.DataFrame
    high: pd.DataFrame
    probability: pd.DataFrame
    found_probability: pd.DataFrame

    @classmethod
    def of(cls, model: Any, X: Any, cells: np.ndarray, level: float = 0.9) -> Expectation:
        """cells: (rows, columns in the layout's order) of bool: what is expected there, leaving out their own value."""
        codec, (mean, deviation) = model.table_codec, model.predictive(X, cells)
        index, names = _index_of(X, len(mean)), pd.Index(codec.names, tupleize_cols=False)

        def frame(targets):
            return _to_pandas(codec.decode(targets)).set_axis(names, axis=1).set_axis(index)

        reach = ndtri((1 + level) / 2) * deviation
        expected, low, high = frame(mean), frame(mean - reach), frame(mean + reach)
        for position, column in enumerate(codec.codecs):
            if column.kind != "real":
                low.isetitem(position, np.nan)
                high.isetitem(position, np.nan)
        probabilities = (
            pd.DataFrame(p, index, names) for p in _probabilities(codec, mean, codec.encode(model.measured(X)))
        )
        return cls(expected, low, high, *probabilities)


def explanation(model: Any, X: Any, level: float) -> pd.DataFrame:
    """See `AnomalyDetector.explain`."""
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, as 0.9 for intervals of 90 %, got {level!r}")
    share = model.column_scores(X)
    expectation = Expectation.of(model, X, np.ones(share.shape, bool), level)
    parts = {"share": share.set_axis(expectation.expected.columns, axis=1), **vars(expectation)}
    return pd.concat(parts, axis=1, names=["part", "column"])


def texts(model: Any, score: Score, X: Any, n_reasons: int) -> pd.DataFrame:
    """See `AnomalyDetector.reasons`."""
    if n_reasons < 1:
        raise ValueError(f"n_reasons must be at least 1, got {n_reasons!r}")
    nats, cells = surprises(model, score, X, n_reasons)
    order = nats.argsort(axis=1, kind="stable")[:, :n_reasons]
    expectation = Expectation.of(model, X, cells)
    found = frames.read(model.measured(X))
    written = np.full(order.shape, "", dtype=object)
    for position, at in enumerate(_layout_positions(model.table_codec)):
        rows, ranks = np.nonzero((order == at) & cells[:, [at]])
        if len(rows):
            expected = _expected_texts(expectation, position, rows)
            cell = _some(found[position], rows).texts
            name = model.table_codec.names[position]
            for row, rank, value, instead, cost in zip(rows, ranks, cell, expected, nats[rows, at], strict=True):
                written[row, rank] = f"{name} = {value}, expected {instead} ({cost:+.0f} nats)"
    columns = [f"reason_{k + 1}" for k in range(order.shape[1])]
    return pd.DataFrame(written, index=_index_of(X, len(written)), columns=columns)


def surprises(model: Any, score: Score, X: Any, n_reasons: int) -> tuple[np.ndarray, np.ndarray]:
    """log p(cell | rest of its row), in nats, less what is usual in the cell's column, and which cells were tried.

    Two arrays, (rows, columns in the layout's order); the nats of a cell that was not tried are inf.

    log p(cell | rest) = score - score without the cell.  The shares of one score would not do: a cell far from what is
    expected draws the code away, and so spoils what is expected of its neighbours and makes the code itself unlikely;
    without the guilty cell all is well again.  Tried are the cells of lowest share, less what is usual in the column,
    and those farthest from their column's mean, by turns.  Where rows are steps, a cell's share stands for it: many
    windows tell it, and a cell is a small part of each.
    """
    layout, batch = model.table_codec.layout, model.table_codec.encode(model.measured(X))
    usual = np.array([model.typical_column_scores_[name] for name in layout.columns])
    observed = batch.observed[:, [block.start for block in layout.blocks]].numpy() > 0
    excess = model.column_scores(X)[layout.columns].to_numpy() - usual
    if model.rows_are_steps:
        return np.where(observed, excess, np.inf), observed
    distance = np.add.reduceat(batch.values.numpy() ** 2, [block.start for block in layout.blocks], axis=1)
    turn = np.minimum(_ranks(np.where(observed, excess, np.inf)), _ranks(np.where(observed, -distance, np.inf)))
    cells = observed & (_ranks(turn) < max(n_reasons, CANDIDATES))
    nats = left_out.conditional_scores(score, layout, batch, cells) - usual
    return np.where(cells, nats, np.inf), cells


def _ranks(values: np.ndarray) -> np.ndarray:
    """Of each value in its row, from 0 for the lowest."""
    return values.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")


def _expected_texts(expectation: Expectation, position: int, rows: np.ndarray) -> list[str]:
    def column(frame: pd.DataFrame) -> Column:
        return frames.read(frame.iloc[rows, [position]])[0]

    expected, probability = column(expectation.expected), expectation.probability.iloc[rows, position]
    if probability.notna().any():
        return [f"{value} {p:.2f}" for value, p in zip(expected.texts, probability, strict=True)]
    low, high = column(expectation.low), column(expectation.high)
    if expected.family == "number":
        step = _step(high.values - low.values)
        expected, low, high = (replace(c, values=np.rint(c.values / step) * step + 0.0) for c in (expected, low, high))
    texts_of_row = zip(expected.texts, low.texts, high.texts, strict=True)
    return [f"{value} [{low}, {high}]" for value, low, high in texts_of_row]


def _step(width: np.ndarray) -> np.ndarray:
    """The power of ten to which an interval of that width is worth writing: three digits of its width."""
    return 10.0 ** (np.floor(np.log10(np.where(width > 0, width, 1e-9))) - 2)


def _probabilities(codec: TableCodec, mean: np.ndarray, found: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Of the expected and of the found level of each cell, (rows, columns), NaN for numbers; mean: (rows, targets)."""
    expected, of_found = np.full((2, len(mean), len(codec.codecs)), np.nan)
    column_of_target = np.array(codec.layout.column_of_target)
    values, observed = (t[:, codec.layout.targets].numpy() for t in (found.values, found.observed))
    for position, at in enumerate(_layout_positions(codec)):
        targets = column_of_target == at
        column, p, x = codec.codecs[position], mean[:, targets], values[:, targets]
        if isinstance(column, BooleanCodec):
            p, x = np.hstack([p, 1 - p]), np.hstack([x, 1 - x])
        elif not isinstance(column, CategoryCodec):
            continue
        named = len(column.levels) if isinstance(column, CategoryCodec) else 2
        expected[:, position] = p[:, :named].max(axis=1)
        of_found[:, position] = np.where(observed[:, targets].all(axis=1), (p * x).sum(axis=1), np.nan)
    return expected, of_found


def _layout_positions(codec: Any) -> list[int]:
    """For each column of the frame, where it is in the layout."""
    return [codec.layout.columns.index(str(name)) for name in codec.names]


def _some(column: Column, rows: np.ndarray) -> Column:
    return Column(column.name, column.family, column.values[rows])


def _index_of(X: Any, rows: int) -> pd.Index:
    return X.index if isinstance(X, pd.DataFrame) else pd.RangeIndex(rows)


def _to_pandas(frame: Any) -> pd.DataFrame:
    if not frames.is_frame(frame):
        return pd.DataFrame(frame).infer_objects()
    return frame if isinstance(frame, pd.DataFrame) else nw.from_native(frame, eager_only=True).to_pandas()
