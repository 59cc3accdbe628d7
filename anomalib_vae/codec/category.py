"""A column of labels: one feature a level."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from anomalib_vae.codec.batch import Kind
from anomalib_vae.codec.column import Column

MAX_LEVELS = 100  # a column of names or keys would otherwise be most of the network


@dataclass(frozen=True)
class CategoryCodec:
    """levels: the labels seen in training; the rest of them share one feature where they are more than MAX_LEVELS."""

    name: object
    levels: tuple
    rest: tuple = ()
    kind: ClassVar[Kind] = "category"

    @property
    def width(self) -> int:
        return len(self.levels) + bool(self.rest)

    @classmethod
    def fit(cls, column: Column) -> CategoryCodec:
        counts = pd.Series(column.values[column.observed], dtype=object).value_counts()
        ordered = sorted(counts.index, key=lambda level: (-counts[level], type(level).__name__, str(level)))
        kept, rest = (
            (ordered, []) if len(ordered) <= MAX_LEVELS else (ordered[: MAX_LEVELS - 1], ordered[MAX_LEVELS - 1 :])
        )
        if rest:
            warnings.warn(
                f"column {column.name!r} has {len(ordered):,} levels: the {len(kept)} most frequent are told apart, "
                "the others share one feature. If it is a key, drop it.",
                stacklevel=2,
            )
        return cls(column.name, tuple(kept), tuple(rest))

    def encode(self, column: Column) -> tuple[np.ndarray, np.ndarray]:
        known = [*self.levels, *self.rest]
        codes = pd.Index(known, dtype=object).get_indexer(pd.Index(column.values, dtype=object))
        unseen = (codes < 0) & column.observed
        if unseen.any():
            some = ", ".join(repr(v) for v in dict.fromkeys(column.values[unseen].tolist()[:100]))
            warnings.warn(
                f"column {self.name!r}: {int(unseen.sum())} cells hold levels never seen in training ({some[:80]}); "
                "they are treated as missing.",
                stacklevel=2,
            )
        observed = codes >= 0
        codes = np.minimum(codes, self.width - 1)
        one_hot = np.zeros((len(codes), self.width))
        one_hot[np.flatnonzero(observed), codes[observed]] = 1.0
        return one_hot, observed

    def decode(self, probability: np.ndarray, *, clip: bool = True) -> np.ndarray:
        """The most probable level; the shared feature of the rare levels names none, so it is never chosen."""
        levels = np.empty(len(self.levels), dtype=object)
        levels[:] = self.levels
        return levels[probability[:, : len(levels)].argmax(axis=1)]
