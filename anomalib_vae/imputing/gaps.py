"""The gaps of a frame that are to be filled, and the frame with predicted cells in them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from anomalib_vae.codec import frames, selection
from anomalib_vae.codec.column import Column
from anomalib_vae.codec.empty import EmptyCodec
from anomalib_vae.codec.table import Decoder, TableCodec
from anomalib_vae.imputing.wishes import Wishes


@dataclass(frozen=True)
class Gap:
    """The missing cells of one column.

    name: in the frame.  position: of the column among those that the model sees.  family: of its values in training.
    missing: (rows,) of bool.
    """

    name: Any
    position: int
    family: str
    missing: np.ndarray


@dataclass(frozen=True)
class Gaps:
    """The missing cells of the frame X, read by a model whose codec is given, that the wishes want filled.

    columns, positions: what the model sees of X, by the names of training, and where in X that is.
    Raises ValueError for wishes that don't fit the columns.
    """

    X: Any
    codec: TableCodec
    columns: list[Column]
    positions: list[int]
    wishes: Wishes

    def __post_init__(self):
        families = dict(zip(self.codec.names, self.codec.families, strict=True))  # wishes may have changed since fit
        self.wishes.check_names([*families, *self.wishes.exclude])
        self.wishes.check_values(families)

    @cached_property
    def decoders(self) -> dict[Any, Decoder]:
        return self.wishes.decoders(self.codec, self.X, self.columns, self.positions)

    def __iter__(self) -> Iterator[Gap]:
        """The columns to fill, complete ones as well, less those that nothing is known of."""
        names = frames.names_of(self.X)
        for i, (at, column) in enumerate(zip(self.positions, self.columns, strict=True)):
            if self.wishes.is_filled(column.name) and not isinstance(self.decoders[column.name], EmptyCodec):
                yield Gap(names[at], i, self.codec.families[i], ~column.observed)

    def decoded(self, targets: np.ndarray) -> dict[Any, np.ndarray]:
        """Predicted targets (rows, targets) as cells, (rows,), by the column's name in the frame."""
        cells = self.codec.columns(targets, decoders=self.decoders)
        return {gap.name: cells[self.columns[gap.position].name] for gap in self}

    def filled(self, targets: np.ndarray) -> Any:
        """X with predicted targets, (rows, targets), decoded into its gaps; every other cell is untouched."""
        names, rows = frames.names_of(self.X), len(targets)
        cells = {name: np.zeros(rows) for name in names} | self.decoded(targets)
        missing = {name: np.zeros(rows, bool) for name in names} | {gap.name: gap.missing for gap in self}
        lost = {gap.name: gap.family for gap in self if gap.missing.all()}
        return frames.fill(selection.with_room(self.X, lost), cells, missing)

    def warn_of_empty_columns(self) -> None:
        """Warn the caller's caller of columns that stay as they are because training saw no value of them."""
        empty = [c.name for c in self.columns if isinstance(self.decoders[c.name], EmptyCodec)]
        stay = [str(name) for name in empty if self.wishes.is_filled(name)]
        if stay:
            warnings.warn(
                f"columns without any observed value in training stay as they are: {', '.join(stay)}. Drop them, or "
                "fill them by a rule of your own.",
                stacklevel=4,
            )
