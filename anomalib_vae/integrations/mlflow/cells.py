"""Frames on their way through MLflow, which hands on lists of cells, and through JSON, which knows neither times nor
categories: from a frame to cells that JSON can hold, and from cells back to the dtypes of the training frame."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import pandas as pd

from anomalib_vae.codec import frames


def as_json_cells(X: Any) -> Any:
    """A frame as a pandas frame of objects, missing cells None and times as texts; anything else as it is."""
    if X is None or not frames.is_frame(X):
        return X
    frame = X if isinstance(X, pd.DataFrame) else nw.from_native(X, eager_only=True).to_pandas()
    return pd.DataFrame({name: _plain(frame[name]) for name in frame.columns}, index=frame.index, dtype=object)


def as_in_training(X: Any, template: Any) -> Any:
    """A pandas frame with the dtypes of the training frame, in each column where no cell changes by that.

    template: the training frame without its rows; None, for a model fitted to an array, makes an array of the frame.
    Frames are left alone where the training frame was of another library.
    """
    if not isinstance(X, pd.DataFrame):
        return X
    if template is None:
        return X.to_numpy()
    if not isinstance(template, pd.DataFrame):
        return X
    frame = X.copy()
    for name in X.columns:
        if name in template.columns:
            frame[name] = _with_dtype(X[name], template[name].dtype)
    return frame


def _plain(column: pd.Series) -> list[Any]:
    is_time = column.dtype.kind in "mM"
    return [None if pd.isna(cell) else str(cell) if is_time else cell for cell in column]


def _with_dtype(column: pd.Series, dtype: Any) -> pd.Series:
    if column.dtype == dtype or (_is_text(column.dtype) and _is_text(dtype)):
        return column
    cells = column if column.notna().any() else pd.Series(None, index=column.index, dtype=object)  # of any type, then
    if isinstance(dtype, pd.CategoricalDtype):
        return cells.astype(_with_levels_of(cells, dtype))
    try:
        recast = cells.astype(dtype)
    except (TypeError, ValueError):  # as it is, then: the codec says what is wrong with it
        return column
    time_from_text = dtype.kind in "mM" and pd.api.types.is_string_dtype(column.dtype)
    return recast if time_from_text or _same_cells(recast, column) else column


def _is_text(dtype: Any) -> bool:
    """object, str and string all hold texts, and which of them a frame has says nothing."""
    return pd.api.types.is_object_dtype(dtype) or isinstance(dtype, pd.StringDtype)


def _same_cells(one: pd.Series, other: pd.Series) -> bool:
    observed = other.notna()
    if not observed.equals(one.notna()):
        return False
    return bool((one[observed].astype(object) == other[observed].astype(object)).all())


def _with_levels_of(column: pd.Series, dtype: pd.CategoricalDtype) -> pd.CategoricalDtype:
    """A cast to the training frame's categories alone would turn levels unseen there into missing cells, silently."""
    unseen = pd.Index(column.dropna().unique()).difference(dtype.categories, sort=False)
    return pd.CategoricalDtype(dtype.categories.append(unseen), dtype.ordered) if len(unseen) else dtype
