"""One row by itself, as it arrives from a sensor or a request."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from anomalib_vae.codec.column import Column

NUMBERS = frozenset({bool, int, float, np.bool_, np.int64, np.float32, np.float64, type(None)})


@dataclass(frozen=True)
class Record:
    """A frame of one row, without the cost of one: cells by the name of their column, in the frame's order."""

    cells: Mapping[Any, Any]

    @classmethod
    def of(cls, row: Mapping, names: Iterable | None) -> Record:
        """The cells of these names, missing where the row has none; all of its cells where names is None.  Raises
        ValueError for a cell of another name."""
        if names is None:
            return cls(row)
        cells = {name: row.get(name) for name in names}
        if unknown := [name for name in row if name not in cells]:
            raise ValueError(
                f"there was no column {unknown[0]!r} in training: correct the name, or leave the cell out."
            )
        return cls(cells)

    def __len__(self) -> int:
        return 1

    def select(self, names: Iterable) -> Record:
        return Record({name: self.cells[name] for name in names})

    def numbers(self) -> np.ndarray | None:
        """All cells, (1, columns), NaN where they are missing; None where one is no finite number: then each must be
        looked at."""
        cells = self.cells.values()
        if not NUMBERS.issuperset(map(type, cells)):
            return None
        numbers = np.array([[math.nan if cell is None else cell for cell in cells]], np.float64)
        return None if np.isinf(numbers).any() else numbers


def column_of(name: Any, cell: Any) -> Column | None:
    """A cell as a column; None where it takes a frame library to tell what it is."""
    if isinstance(cell, bool | np.bool_):
        return Column(name, "boolean", np.array([cell], np.float64))
    if isinstance(cell, float | np.floating):
        return Column(name, "number", np.array([cell], np.float64))
    if isinstance(cell, int | np.integer):
        return Column(name, "integer", np.array([cell], np.float64))
    if isinstance(cell, str) or cell is None:
        return Column(name, "label", np.array([cell], object))
    return None
