"""What a user may ask of the cells that an imputer fills: in which columns, within which bounds, shifted how far."""

from __future__ import annotations

import math
import numbers
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from anomalib_vae.codec import filling, frames, selection
from anomalib_vae.codec.column import Column
from anomalib_vae.codec.table import Decoder, TableCodec

NUMERIC = ("number", "integer")


@dataclass(frozen=True)
class Wishes:
    """The parameters of an imputer that speak of columns by name, checked against the columns that there are.

    only: the columns to fill, None for all.  exclude: those that the model does not see.  bounds: (low, high) by name,
    None for no limit.  delta: shifts by name, in standard deviations.  whole: float columns that are to get whole
    numbers.  zeros: whether columns never observed get 0.
    """

    only: Collection | None = None
    exclude: Collection = ()
    bounds: Mapping[Any, Any] = field(default_factory=dict)
    delta: Mapping[Any, Any] = field(default_factory=dict)
    whole: Collection = ()
    zeros: bool = False

    def check_names(self, names: Collection) -> None:
        """Raise ValueError for a column that is not among the names of all columns, or that is excluded as well."""
        _check_known("exclude", self.exclude, names)
        if set(names) <= set(self.exclude):
            raise ValueError("VAEImputer.exclude leaves no column to the model: take some columns out of it.")
        for parameter in ("only", "bounds", "delta"):
            given = getattr(self, parameter) or ()
            excluded = [name for name in given if name in self.exclude]
            if excluded:
                raise ValueError(
                    f"VAEImputer.{parameter}: column {excluded[0]!r} is in exclude, so its gaps are never filled: take "
                    "it out of one of them."
                )
            _check_known(parameter, given, names)

    def check_values(self, families: Mapping[Any, str]) -> None:
        """Raise ValueError for bounds and shifts that are none, or of columns that hold no numbers; families: by name,
        of the columns that the model sees."""
        for name, pair in self.bounds.items():
            _check_numeric("bounds", name, families[name])
            _check_bounds(name, pair, families[name])
        for name, shift in self.delta.items():
            _check_numeric("delta", name, families[name])
            if not _is_number(shift) or math.isinf(shift):
                raise ValueError(
                    f"VAEImputer.delta of column {name!r} must be a number of standard deviations, got {shift!r}"
                )

    def is_filled(self, name) -> bool:
        return self.only is None or name in self.only

    def decoders(self, codec: TableCodec, X, columns: list[Column], positions: list[int]) -> dict[Any, Decoder]:
        """What decodes each column that the model sees, by name.

        X: the frame to fill.  columns, positions: what the model sees of it, and where in X that is.
        """
        names, levels, limits = frames.names_of(X), selection.admitted_levels(X), selection.limits(X)
        return {
            column.name: filling.decoder(
                of_column,
                column.family,
                delta=self.delta.get(column.name, 0.0),
                bounds=_narrowed(self.bounds.get(column.name, (None, None)), limits),
                whole=limits is not None or column.name in self.whole,
                levels=levels.get(names[position]),
                zeros=self.zeros,
            )
            for position, column, of_column in zip(positions, columns, codec.codecs, strict=True)
        }


def _narrowed(bounds, limits: tuple[float, float] | None) -> tuple[float, float]:
    """Bounds whose ends may be None, as numbers that lie inside the limits."""
    low, high = limits or filling.UNBOUNDED
    return max(low, low if bounds[0] is None else bounds[0]), min(high, high if bounds[1] is None else bounds[1])


def _check_known(parameter: str, given: Collection, names: Collection) -> None:
    for name in given:
        if name not in names:
            there_are = ", ".join(map(str, list(names)[:20]))
            raise ValueError(
                f"VAEImputer.{parameter}: there is no column {name!r}; there are {there_are}. Correct or drop the name."
            )


def _check_numeric(parameter: str, name, family: str) -> None:
    if family not in NUMERIC:
        raise ValueError(
            f"VAEImputer.{parameter}: column {name!r} is of kind {family} and has no numbers to change: leave it out, "
            "or make it a column of numbers."
        )


def _check_bounds(name, pair, family: str) -> None:
    is_pair = isinstance(pair, tuple | list) and len(pair) == 2
    if not is_pair or not all(end is None or _is_number(end) for end in pair):
        raise ValueError(
            f"VAEImputer.bounds of column {name!r} must be a pair (low, high) of numbers, None for no limit, such as "
            f"(0, None); got {pair!r}"
        )
    low, high = _narrowed(pair, None)
    if family == "integer":
        low, high = np.ceil(low), np.floor(high)
    if low > high:
        raise ValueError(
            f"VAEImputer.bounds of column {name!r} leave no number between them, got {pair!r}: widen them."
        )


def _is_number(value) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and not math.isnan(value)
