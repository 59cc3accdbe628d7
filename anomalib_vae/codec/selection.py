"""Some columns of a frame, columns put beside others, and what the dtypes of a frame admit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from anomalib_vae.codec import frames
from anomalib_vae.codec.record import Record

_PANDAS: dict[str, Any] = {
    "number": "float64",
    "integer": "Int64",
    "boolean": "boolean",
    "time": "datetime64[us]",
    "duration": "timedelta64[us]",
    "label": object,
}
_NARWHALS: dict[str, Any] = {
    "number": nw.Float64(),
    "integer": nw.Int64(),
    "boolean": nw.Boolean(),
    "time": nw.Datetime("us"),
    "duration": nw.Duration("us"),
    "label": nw.String(),
}


def select(X, positions: Sequence[int]):
    """The columns of a frame or an array at the positions, in that order."""
    if not frames.is_frame(X):
        return X[:, list(positions)]
    if isinstance(X, pd.DataFrame):
        return X.iloc[:, list(positions)]
    if isinstance(X, Record):
        names = list(X.cells)
        return X.select(names[position] for position in positions)
    frame = nw.from_native(X, eager_only=True)
    return frame.select([frame.columns[position] for position in positions]).to_native()


def beside(X, truths: Mapping[str, np.ndarray]):
    """X and to its right columns of booleans, each (rows,); in an array they take on its dtype, as 0 and 1."""
    if not truths:
        return X
    if not frames.is_frame(X):
        return np.hstack([X, np.column_stack(list(truths.values())).astype(X.dtype)])
    if isinstance(X, pd.DataFrame):
        return X.assign(**truths)
    frame = nw.from_native(X, eager_only=True)
    columns = [nw.new_series(n, v.tolist(), nw.Boolean, backend=frame.implementation) for n, v in truths.items()]
    return frame.with_columns(*columns).to_native()


def with_room(X, families: Mapping[Any, str]):
    """X with its columns of missing cells only, whose dtype says nothing or the wrong thing, able to hold a family.

    families: of columns without any observed cell, by name.  A row or two often come so: a column of labels that is
    missing in all of them is float64 in pandas, Null in polars.
    """
    if not frames.is_frame(X):
        rigid = X.dtype.kind != "O" and not set(families.values()) <= {"number", "integer", "boolean"}
        return X.astype(object) if rigid else X
    if isinstance(X, pd.DataFrame):
        empty = {name: X[name] for name in families if X[name].dtype != object}
        wrong = [n for n, column in empty.items() if not _fits(frames.read(column.to_frame())[0].family, families[n])]
        return X.astype({name: _PANDAS[families[name]] for name in wrong})
    frame = nw.from_native(X, eager_only=True)
    read = {column.name: column.family for column in frames.read(frame.select(list(families)).to_native())}
    wrong = [n for n in families if frame.schema[n] == nw.Unknown or not _fits(read[n], families[n])]
    backend, rows = frame.implementation, [None] * len(frame)
    return frame.with_columns(
        nw.new_series(n, rows, _NARWHALS[families[n]], backend=backend) for n in wrong
    ).to_native()


def _fits(family: str, wanted: str) -> bool:
    return family == wanted or {family, wanted} == {"number", "integer"}


def admitted_levels(X) -> dict[Any, frozenset]:
    """By name, the only labels that a column can hold: those of pandas' categories and polars' Enum."""
    if not frames.is_frame(X):
        return {}
    if isinstance(X, pd.DataFrame):
        dtypes = zip(X.columns, X.dtypes, strict=True)
        return {n: frozenset(dtype.categories) for n, dtype in dtypes if isinstance(dtype, pd.CategoricalDtype)}
    schema = nw.from_native(X, eager_only=True).schema
    return {name: frozenset(dtype.categories) for name, dtype in schema.items() if isinstance(dtype, nw.Enum)}


def limits(X) -> tuple[float, float] | None:
    """The smallest and the largest number that an array of integers can hold; None for a frame or another array."""
    if frames.is_frame(X) or X.dtype.kind not in "iu":
        return None
    return float(np.iinfo(X.dtype).min), float(np.iinfo(X.dtype).max)
