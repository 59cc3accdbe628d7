"""A boolean column: one feature, 0 or 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from anomalib_vae.codec.batch import Kind
from anomalib_vae.codec.column import Column


@dataclass(frozen=True)
class BooleanCodec:
    """Nothing to learn; `encode` gives (rows, 1), `decode` takes the probability of True."""

    name: object
    kind: ClassVar[Kind] = "binary"
    width: ClassVar[int] = 1

    @classmethod
    def fit(cls, column: Column) -> BooleanCodec:
        return cls(column.name)

    def encode(self, column: Column) -> tuple[np.ndarray, np.ndarray]:
        observed = column.observed
        return np.where(observed, column.values, 0.0)[:, None], observed

    def decode(self, probability: np.ndarray, *, clip: bool = True) -> np.ndarray:
        return probability[:, 0] > 0.5
