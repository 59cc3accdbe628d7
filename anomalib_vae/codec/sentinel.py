"""A value that stands for a missing cell, such as -999 or "?"."""

from __future__ import annotations

import numbers

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from anomalib_vae.codec import frames


def opened(X, value: float | str | None):
    """X with the cells that hold `value` missing, X itself where none does.

    A number is looked for in columns of numbers, a string in columns of labels; both among objects.  None and NaN stand
    for no value.  Columns of a dtype that can't hold a missing cell get the nearest one that can.
    """
    if value is None or value != value:
        return X
    if isinstance(value, float) and value.is_integer():  # compared with integers as an integer, as exact as they are
        value = int(value)
    if not frames.is_frame(X):
        return _opened_array(np.asarray(X), value)
    return _opened_pandas(X, value) if isinstance(X, pd.DataFrame) else _opened_narwhals(X, value)


def _opened_array(X: np.ndarray, value) -> np.ndarray:
    if X.dtype.kind in "fiu":
        hits = np.zeros(X.shape, bool) if isinstance(value, str) else value == X
        return np.where(hits, np.nan, X.astype(np.result_type(X, np.float16))) if hits.any() else X
    if X.dtype.kind not in "OU":
        return X
    hits = _same(X.ravel(), value).reshape(X.shape)
    if not hits.any():
        return X
    changed = X.astype(object)
    changed[hits] = None
    return changed


def _opened_pandas(X: pd.DataFrame, value) -> pd.DataFrame:
    changed = X.copy(deep=False)
    for position, name in enumerate(X.columns):
        column = X.iloc[:, position]
        hits = _hits(column, value)
        if hits.any():
            changed[name] = _nullable(column).mask(hits)
    return changed


def _hits(column: pd.Series, value) -> np.ndarray:
    dtype, types = column.dtype, pd.api.types
    if types.is_numeric_dtype(dtype) and not types.is_bool_dtype(dtype):
        if isinstance(value, str):
            return np.zeros(len(column), bool)
        return (column == value).to_numpy(bool, na_value=False)
    if isinstance(dtype, pd.CategoricalDtype) or types.is_object_dtype(dtype) or types.is_string_dtype(dtype):
        return _same(column.astype(object).to_numpy(), value)
    return np.zeros(len(column), bool)


def _same(cells: np.ndarray, value) -> np.ndarray:
    """Whether each object equals the value; True is not the number 1 here."""
    kind = str if isinstance(value, str) else numbers.Real
    return np.array([isinstance(c, kind) and not isinstance(c, bool | np.bool_) and c == value for c in cells], bool)


def _nullable(column: pd.Series) -> pd.Series:
    if not isinstance(column.dtype, np.dtype) or column.dtype.kind not in "iu":
        return column
    return column.astype(pd.api.types.pandas_dtype(column.dtype.name.replace("i", "I").replace("u", "U")))


def _opened_narwhals(X, value):
    frame = nw.from_native(X, eager_only=True)
    changed = []
    for name, dtype in frame.schema.items():
        column = nw.col(name)
        if isinstance(value, str):
            if dtype not in (nw.String, nw.Categorical, nw.Enum):
                continue
            column = column.cast(nw.String)
            hits = column == value
        elif dtype.is_numeric():
            hits = column == value if dtype.is_integer() else column.cast(nw.Float64) == float(value)
        else:
            continue
        if frame.select(hits.fill_null(False).any()).item():
            changed.append(nw.when(~hits).then(column).alias(name))
    return frame.with_columns(*changed).to_native() if changed else X
