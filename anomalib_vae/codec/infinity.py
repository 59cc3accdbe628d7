"""Infinities, which no column may hold: they are neither a number nor a missing cell."""

from __future__ import annotations

from collections.abc import Sequence
from math import isinf

import numpy as np

from anomalib_vae.codec.column import Column
from anomalib_vae.codec.record import Record


def refuse(X, columns: Sequence[Column]) -> None:
    """ValueError that names the first column, of those read from X, with an infinite cell."""
    for column in [] if _is_finite(X) else columns:
        if column.family != "label" and np.isinf(column.values).any():
            row = int(np.flatnonzero(np.isinf(column.values))[0])
            raise ValueError(
                f"column {column.name!r} holds an infinity (row {row}): replace inf by NaN if the value is unknown, "
                "or clip it to a finite number."
            )


def _is_finite(X) -> bool:
    """Whether one look at a whole row, or at an array of floats, tells that there is no infinity in it: columns take
    longer."""
    if isinstance(X, Record):
        return all(
            isinstance(cell, str | int) or (isinstance(cell, float) and not isinf(cell)) for cell in X.cells.values()
        )
    if not (isinstance(X, np.ndarray) and X.dtype.kind == "f"):
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(X.sum(dtype=np.float64)))  # NaN and a sum of huge numbers leave it open
