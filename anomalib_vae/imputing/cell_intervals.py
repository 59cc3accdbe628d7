"""Intervals of the numbers and probabilities of the labels that fill gaps, as pandas frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from anomalib_vae.codec import frames
from anomalib_vae.codec.table import ColumnCodec
from anomalib_vae.imputing.completion import Cells, bounds
from anomalib_vae.imputing.gaps import Gap, Gaps

DTYPES: dict[str, Any] = {"time": "datetime64[us]", "duration": "timedelta64[us]"}  # of whole microseconds


def intervals(gaps: Gaps, cells: Cells, level: float) -> pd.DataFrame:
    """See `VAEImputer.intervals`."""
    parts = bounds(cells, level)
    return pd.concat(
        {part: _numbers(gaps, targets) for part, targets in parts.items()}, axis=1, names=["part", "column"]
    )


def probabilities(gaps: Gaps, cells: Cells) -> pd.DataFrame:
    """See `VAEImputer.probabilities`."""
    found: dict[tuple, np.ndarray] = {}
    for gap in gaps:
        codec = gaps.codec.codecs[gap.position]
        if codec.kind != "real":
            levels = _levels(codec)
            p = cells.probabilities(_block(gaps, gap))[:, : len(levels)]
            p = np.where(gap.missing[:, None], p / p.sum(axis=1, keepdims=True), np.nan)
            found |= {(gap.name, level): p[:, i] for i, level in enumerate(levels)}
    index = _index(gaps.X, len(cells.prediction))
    values = np.column_stack(list(found.values())) if found else np.empty((len(index), 0))
    arrays = [[name for name, _ in found], [level for _, level in found]]
    return pd.DataFrame(values, index, pd.MultiIndex.from_arrays(arrays, names=["column", "level"]))


def _numbers(gaps: Gaps, targets: np.ndarray) -> pd.DataFrame:
    """The numbers and times of gaps, decoded; a frame of the rows and columns of X, NaN in all other cells."""
    decoded, index = gaps.decoded(targets), _index(gaps.X, len(targets))
    columns = {name: pd.Series(np.nan, index) for name in frames.names_of(gaps.X)}
    for gap in gaps:
        if gaps.codec.codecs[gap.position].kind == "real":
            values = pd.Series(decoded[gap.name], index)
            columns[gap.name] = _in_family(values, gap.family, _zone(gaps.X, gap.name)).where(gap.missing)
    names = pd.Index(list(columns), tupleize_cols=False)
    return pd.concat(list(columns.values()), axis=1).set_axis(names, axis=1)


def _in_family(values: pd.Series, family: str, zone: Any) -> pd.Series:
    if family not in DTYPES:
        return values.astype(float)
    values = values.astype("int64").astype(DTYPES[family])
    return values.dt.tz_localize("UTC").dt.tz_convert(zone) if zone else values


def _zone(X: Any, name: Any) -> Any:
    """The time zone of a pandas column; None where it has none."""
    return getattr(X[name].dtype, "tz", None) if isinstance(X, pd.DataFrame) else None


def _levels(codec: ColumnCodec) -> tuple:
    return getattr(codec, "levels", (False, True))


def _block(gaps: Gaps, gap: Gap) -> int:
    """The position in the layout of a column that the model sees."""
    return gaps.codec.layout.columns.index(str(gaps.codec.names[gap.position]))


def _index(X: Any, rows: int) -> pd.Index:
    return X.index if isinstance(X, pd.DataFrame) else pd.RangeIndex(rows)
