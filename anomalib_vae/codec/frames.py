"""The border to the data-frame libraries: columns in, columns out, for arrays, pandas, polars and pyarrow.

Nothing else in the package looks at the type of a frame, but for `dtypes`, `selection` and `sentinel` beside it.
polars and pyarrow are reached through narwhals; a `Record` can be read like any of them.
"""

from __future__ import annotations

import warnings
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from anomalib_vae.codec import dtypes, infinity
from anomalib_vae.codec.column import Column, Family
from anomalib_vae.codec.record import Record, column_of


def is_frame(X) -> bool:
    if isinstance(X, pd.DataFrame | np.ndarray | Record):
        return not isinstance(X, np.ndarray)
    return isinstance(nw.from_native(X, eager_only=True, pass_through=True), nw.DataFrame)


def empty_like(X):
    """The frame without its rows (names and dtypes only); None for an array."""
    return (
        X[:0]
        if isinstance(X, pd.DataFrame)
        else nw.from_native(X, eager_only=True).head(0).to_native()
        if is_frame(X)
        else None
    )


def to_arrow(template):
    """An Arrow table without rows that remembers names and dtypes."""
    import pyarrow as pa

    if isinstance(template, pd.DataFrame):
        for position, name in enumerate(template.columns):
            try:
                pa.Array.from_pandas(template.iloc[:, position])
            except (pa.ArrowException, TypeError) as error:
                raise TypeError(
                    f"column {name!r} has levels that can't be saved ({error}): convert it with astype(str) before fit."
                ) from None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # pyarrow's way of reading time zones
            return pa.Table.from_pandas(template, preserve_index=False)
    return nw.from_native(template, eager_only=True).to_arrow()


def from_arrow(table, library: Any, names: list):
    """The template that `to_arrow` was given; library as `library_of` named it.  names: Arrow knows only strings."""
    if library == "pandas":
        return table.to_pandas().set_axis(pd.Index(names, tupleize_cols=False), axis=1)
    return nw.from_arrow(table, backend=library).to_native()


def library_of(template) -> str:
    return nw.from_native(template, eager_only=True).implementation.value


def names_of(X) -> list:
    if not is_frame(X):
        return [f"x{i}" for i in range(X.shape[1])]
    if isinstance(X, Record):
        return list(X.cells)
    if isinstance(X, pd.DataFrame) and isinstance(X.columns, pd.MultiIndex):
        raise TypeError(
            "the columns are a MultiIndex: flatten their names, for example by joining the levels with '_'."
        )
    names = list(X.columns) if isinstance(X, pd.DataFrame) else nw.from_native(X, eager_only=True).columns
    twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
    if twice:
        raise ValueError(f"column names must be unique; given more than once: {sorted(map(str, twice))}. Rename them.")
    return names


def read(X) -> list[Column]:
    """The columns of a frame or of a two-dimensional array.

    Raises ValueError for infinite cells and repeated names, TypeError for cells that are neither numbers, booleans,
    strings nor times; each names the column.
    """
    X = X if is_frame(X) else np.asarray(X)
    names = names_of(X)
    if not is_frame(X):
        columns = [_from_numpy(name, X[:, i]) for i, name in enumerate(names)]
    elif isinstance(X, pd.DataFrame):
        columns = [_from_pandas(name, X.iloc[:, i]) for i, name in enumerate(names)]
    elif isinstance(X, Record):
        cells = X.cells.items()
        columns = [column_of(name, cell) or _from_pandas(name, pd.Series([cell])) for name, cell in cells]
    else:
        frame = nw.from_native(X, eager_only=True)
        columns = [_from_narwhals(name, frame.get_column(name)) for name in names]
    infinity.refuse(X, columns)
    return columns


def _from_numpy(name, values) -> Column:
    if values.dtype.kind in "fiu":
        return Column(name, "number", values.astype(np.float64, copy=False))
    if values.dtype.kind == "b":
        return Column(name, "boolean", values.astype(np.float64))
    if values.dtype.kind in "mM":
        return _from_pandas(name, pd.Series(values))
    return _from_objects(name, values.astype(object))


def _from_pandas(name, series: pd.Series) -> Column:
    dtype, types = series.dtype, pd.api.types
    if isinstance(dtype, pd.CategoricalDtype):
        levels = _none_for_missing(dtype.categories.astype(object).to_numpy())
        return Column(name, "label", np.append(levels, [None])[series.cat.codes.to_numpy()])  # a missing one is -1
    if types.is_bool_dtype(dtype):
        return Column(name, "boolean", series.to_numpy(np.float64, na_value=np.nan))
    if types.is_integer_dtype(dtype):
        return Column(name, "integer", series.to_numpy(np.float64, na_value=np.nan))
    if types.is_float_dtype(dtype):
        return Column(name, "number", series.to_numpy(np.float64, na_value=np.nan))
    if types.is_datetime64_any_dtype(dtype) or types.is_timedelta64_dtype(dtype):
        naive = series.dt.tz_convert(None) if getattr(dtype, "tz", None) else series
        units = naive.to_numpy().astype("M8[us]" if dtype.kind == "M" else "m8[us]")
        family: Family = "time" if dtype.kind == "M" else "duration"
        return Column(name, family, np.where(np.isnat(units), np.nan, units.astype(np.int64)))
    if types.is_complex_dtype(dtype):
        raise ValueError(
            f"Complex data not supported: column {name!r}. Give its real and imaginary part a column each."
        )
    if types.is_object_dtype(dtype) or types.is_string_dtype(dtype):
        return _from_objects(name, series.astype(object).to_numpy())
    raise TypeError(
        f"column {name!r} has dtype {dtype}, which is not supported: convert it to numbers, strings or times."
    )


def _from_narwhals(name, series) -> Column:
    dtype = series.dtype
    if dtype == nw.Boolean:
        return Column(name, "boolean", _floats(series.cast(nw.Int8)))
    if dtype.is_integer():
        return Column(name, "integer", _floats(series))
    if dtype.is_float() or dtype.is_decimal():
        return Column(name, "number", _floats(series))
    if dtype == nw.Date or dtype == nw.Datetime:
        return Column(name, "time", _floats(series.cast(nw.Datetime("us")).dt.timestamp("us")))
    if dtype == nw.Duration:
        return Column(name, "duration", _floats(series.dt.total_microseconds()))
    if dtype in (nw.String, nw.Categorical, nw.Enum):
        return Column(name, "label", np.array(series.cast(nw.String).to_list() or [], dtype=object))
    if series.null_count() == len(series):
        return Column(name, "label", np.full(len(series), None, dtype=object))
    raise TypeError(
        f"column {name!r} has dtype {dtype}, which is not supported: convert it to numbers, strings or times."
    )


def _floats(series) -> np.ndarray:
    return (
        np.asarray([np.nan if v is None else v for v in series.cast(nw.Float64).to_list()])
        if series.null_count()
        else (series.cast(nw.Float64).to_numpy().astype(np.float64))
    )


def _from_objects(name, values: np.ndarray) -> Column:
    """An object column is what its cells are: all booleans, all numbers, or labels."""
    values = _none_for_missing(values)
    kinds = {type(v) for v in values[pd.notna(values)]} if len(values) else set()
    if kinds and all(issubclass(k, bool | np.bool_) for k in kinds):
        return Column(name, "boolean", pd.Series(values).astype("Float64").to_numpy(np.float64, na_value=np.nan))
    if kinds and all(issubclass(k, int | float | np.number) and not issubclass(k, bool | np.bool_) for k in kinds):
        family: Family = "integer" if all(issubclass(k, int | np.integer) for k in kinds) else "number"
        return Column(name, family, np.array([np.nan if v is None else float(v) for v in values]))
    odd = next((k for k in kinds if not issubclass(k, str | bool | int | float | np.generic)), None)
    if odd is not None:
        raise TypeError(
            f"column {name!r} holds a {odd.__name__}, but each argument must be a string or a number (or a boolean): "
            "convert the column, for example with pandas.to_datetime, astype(float) or astype(str)."
        )
    return Column(name, "label", values)


def _none_for_missing(values: np.ndarray) -> np.ndarray:
    scalars = np.array([not isinstance(v, dict | list | tuple | set | np.ndarray) for v in values], dtype=bool)
    values = values.copy()
    values[scalars] = np.where(pd.isna(values[scalars]), None, values[scalars])
    return values


def write(columns: dict[Any, np.ndarray], template, *, index_of=None):
    """A frame of the template's library, names and dtypes from decoded columns; an array where there is no template.

    index_of: a frame of as many rows whose index (pandas only) the result takes over.
    """
    if template is None:
        return np.column_stack([np.asarray(v) for v in columns.values()])
    if isinstance(template, pd.DataFrame):
        series = {name: dtypes.to_pandas(values, template[name].dtype) for name, values in columns.items()}
        frame = pd.DataFrame(series)
        frame.columns = template.columns
        return frame.set_axis(index_of.index, axis=0) if isinstance(index_of, pd.DataFrame) else frame
    like = nw.from_native(template, eager_only=True)
    library = like.implementation
    decoded = {name: dtypes.to_narwhals(name, values, like.schema[name], library) for name, values in columns.items()}
    return dtypes.retyped(nw.DataFrame.from_dict(decoded, backend=library).to_native(), template)


def fill(X, columns: dict[Any, np.ndarray], missing: dict[Any, np.ndarray]):
    """X with the cells that are missing taken from the decoded columns; every other cell is untouched to the bit."""
    if not is_frame(X):
        filled = X.copy()
        for i, name in enumerate(columns):
            filled[missing[name], i] = columns[name][missing[name]]
        return filled
    if isinstance(X, pd.DataFrame):
        filled = X.copy()
        for i, name in enumerate(columns):
            if missing[name].any():
                new = dtypes.to_pandas(columns[name][missing[name]], X.iloc[:, i].dtype)
                filled[X.columns[i]] = _patch(X.iloc[:, i], missing[name], new)
        return filled
    frame = nw.from_native(X, eager_only=True)
    changed = []
    for name in columns:
        if missing[name].any():
            old = frame.get_column(name)
            new = dtypes.to_narwhals(name, columns[name], old.dtype, frame.implementation)
            keep = nw.new_series("keep", ~missing[name], nw.Boolean, backend=frame.implementation)
            changed.append(old.zip_with(keep, new).alias(name))
    return dtypes.retyped(frame.with_columns(*changed).to_native(), X) if changed else frame.clone().to_native()


def _patch(series: pd.Series, missing: np.ndarray, new: pd.Series) -> pd.Series:
    patched = series.copy()
    patched.iloc[np.flatnonzero(missing)] = new.array
    return patched
