"""What decodes the cells that are filled in: a column's own codec, or another one where the user wishes so."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from anomalib_vae.codec.category import CategoryCodec
from anomalib_vae.codec.column import Column
from anomalib_vae.codec.empty import EmptyCodec
from anomalib_vae.codec.number import NumberCodec
from anomalib_vae.codec.table import ColumnCodec, Decoder, TableCodec

NUMERIC = ("number", "integer")
HAVE_A_ZERO = (*NUMERIC, "boolean", "duration")
UNBOUNDED = (-math.inf, math.inf)


@dataclass(frozen=True)
class AdmittedLevels:
    """The most probable one of the levels that the column's dtype admits; None where training saw none of them."""

    codec: CategoryCodec
    admitted: Collection

    def decode(self, probability: np.ndarray, /, *, clip: bool = True) -> np.ndarray:
        possible = np.array([level in self.admitted for level in self.codec.levels])
        if possible.all():
            return self.codec.decode(probability, clip=clip)
        if not possible.any():
            return np.full(len(probability), None, dtype=object)
        return self.codec.decode(np.where(possible, probability[:, : len(possible)], -1.0), clip=clip)


def adjusted(codec: NumberCodec, *, delta: float, bounds: tuple[float, float], whole: bool) -> NumberCodec:
    """A codec whose decoded numbers are shifted by `delta` standard deviations of the column in training, then clipped
    to the bounds, and rounded if it or the column is whole."""
    low, high = bounds
    whole = whole or codec.whole
    if whole:  # the whole numbers between them
        low, high = np.ceil(low), np.floor(high)
    shift = 0.0 if codec.lower == codec.upper else delta * codec.scale  # the scale of a constant is no deviation
    ends = np.clip([codec.lower + shift, codec.upper + shift], low, high).tolist()
    return replace(codec, center=codec.center + shift, lower=ends[0], upper=ends[1], whole=whole)


def unlimited(codec: TableCodec) -> TableCodec:
    """The codec of a table whose numbers may be decoded to what lies outside the range seen in training."""

    def of_column(column: ColumnCodec) -> ColumnCodec:
        constant = isinstance(column, NumberCodec) and column.lower == column.upper
        if constant or not isinstance(column, NumberCodec):
            return column
        return replace(column, lower=-math.inf, upper=math.inf)

    return TableCodec([of_column(column) for column in codec.codecs], codec.families, codec.template)


def holds_whole_numbers(column: Column) -> bool:
    """Whether a column of floats holds nothing but whole numbers, as pandas makes of integers with gaps."""
    values = column.values[column.observed]
    return column.family == "number" and len(values) > 0 and bool((values == np.rint(values)).all())


def zero(codec: EmptyCodec) -> NumberCodec:
    """Decodes every cell as 0."""
    return NumberCodec(codec.name, 0.0, 1.0, 0.0, 0.0, (), ())


def decoder(
    codec: ColumnCodec,
    family: str,
    *,
    delta: float = 0.0,
    bounds: tuple[float, float] = UNBOUNDED,
    whole: bool = False,
    levels: Collection | None = None,
    zeros: bool = False,
) -> Decoder:
    """What decodes a column; its codec where nothing else is asked for.

    family: of the column that is filled.  levels: the only ones that it can hold, None for any.  zeros: whether a
    column without any observed value in training gets 0, if its family has one.
    """
    if isinstance(codec, EmptyCodec) and zeros and family in HAVE_A_ZERO:
        return zero(codec)
    if isinstance(codec, NumberCodec) and (delta or whole or bounds != UNBOUNDED):
        return adjusted(codec, delta=delta, bounds=bounds, whole=whole)
    if isinstance(codec, CategoryCodec) and levels is not None:
        return AdmittedLevels(codec, levels)
    return codec
