"""Decoded values in the dtypes of a frame's columns."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd


def to_pandas(values: np.ndarray, dtype) -> pd.Series:
    """Values of a column, (rows,), in the dtype, or in the nearest one that can hold them where all are missing."""
    types = pd.api.types
    if pd.isna(values).all():
        return pd.Series([None] * len(values)).astype(
            dtype if types.is_extension_array_dtype(dtype) else _nullable(dtype)
        )
    if isinstance(dtype, pd.CategoricalDtype):
        return pd.Series(pd.Categorical(values, dtype=dtype))
    if types.is_datetime64_any_dtype(dtype) or types.is_timedelta64_dtype(dtype):
        kind = "M8[us]" if dtype.kind == "M" else "m8[us]"
        moments = pd.Series(_whole(values).astype(kind))
        return (moments.dt.tz_localize("UTC") if getattr(dtype, "tz", None) else moments).astype(dtype)
    if types.is_object_dtype(dtype):
        return pd.Series(values.tolist(), dtype=object)
    if types.is_bool_dtype(dtype):
        return pd.Series(np.asarray(values).astype(bool)).astype(dtype)
    if types.is_integer_dtype(dtype):
        return pd.Series(_whole(values, np.dtype(getattr(dtype, "numpy_dtype", dtype)))).astype(dtype)
    return pd.Series(values).astype(dtype)


def to_narwhals(name, values: np.ndarray, dtype, backend):
    """The same as a series of polars or pyarrow."""
    if pd.isna(values).all():
        return nw.new_series(name, [None] * len(values), dtype, backend=backend)
    if dtype == nw.Boolean:
        return nw.new_series(name, np.asarray(values).astype(bool).tolist(), dtype, backend=backend)
    if dtype.is_integer():
        unsigned = np.uint64 if dtype == nw.UInt64 else np.int64
        return nw.new_series(name, _whole(values, unsigned).tolist(), dtype, backend=backend)
    if dtype.is_temporal():
        between = nw.Duration("us") if dtype == nw.Duration else nw.Datetime("us")
        series = nw.new_series(name, _whole(values).tolist(), nw.Int64, backend=backend).cast(between)
        zone = getattr(dtype, "time_zone", None)
        series = series.dt.replace_time_zone("UTC").dt.convert_time_zone(zone) if zone else series
        return series.cast(dtype)
    if dtype.is_float() or dtype.is_decimal():
        return nw.new_series(name, np.asarray(values, float).tolist(), nw.Float64, backend=backend).cast(dtype)
    return nw.new_series(name, list(values), nw.String, backend=backend).cast(dtype)


def _nullable(dtype):
    """The dtype, or the nearest one that can hold a missing cell."""
    return np.float64 if dtype.kind in "iub" else dtype


def _whole(values, dtype=np.int64) -> np.ndarray:
    """The nearest integers inside the range of the dtype, whose ends float64 may not hold exactly."""
    limits = np.iinfo(dtype)
    low, high = float(limits.min), float(limits.max)
    if int(high) > limits.max:
        high = float(np.nextafter(high, 0))
    return np.clip(np.rint(np.asarray(values, np.float64)), low, high).astype(dtype)


def retyped(frame, like):
    """Give back the types that are one to narwhals: pyarrow's string, large_string, dictionary; polars' Enum."""
    library = nw.from_native(frame).implementation
    return frame.cast(like.schema) if library.is_pyarrow() or library.is_polars() else frame
