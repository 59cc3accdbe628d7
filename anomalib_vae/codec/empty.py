"""A column without one observed cell: it survives, says nothing, and stays missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from anomalib_vae.codec.batch import Kind
from anomalib_vae.codec.column import Column


@dataclass(frozen=True)
class EmptyCodec:
    """`encode` gives one feature that is never observed, `decode` NaN."""

    name: object
    kind: ClassVar[Kind] = "real"
    width: ClassVar[int] = 1

    @classmethod
    def fit(cls, column: Column) -> EmptyCodec:
        return cls(column.name)

    def encode(self, column: Column) -> tuple[np.ndarray, np.ndarray]:
        rows = len(column.values)
        return np.zeros((rows, 1)), np.zeros(rows, dtype=bool)

    def decode(self, values: np.ndarray, *, clip: bool = True) -> np.ndarray:
        return np.full(len(values), np.nan)
