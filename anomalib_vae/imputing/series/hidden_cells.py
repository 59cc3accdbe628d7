"""Cells that were hidden from experts, to see who fills them best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

SMALLEST = 1e-4  # of an error, in standard deviations


class HiddenCells(NamedTuple):
    """What experts say of them, (cells, experts), what is there, (cells,), and what is known of where they lie: their
    features and bins, (cells,), and surroundings, (cells, facts).

    fold: of time, (cells,); the experts were fitted to the others.
    """

    words: np.ndarray
    truth: np.ndarray
    feature: np.ndarray
    bin_: np.ndarray
    surroundings: np.ndarray
    fold: np.ndarray

    @property
    def n_cells(self) -> int:
        return len(self.truth)

    @classmethod
    def joined(cls, parts: Sequence[HiddenCells]) -> HiddenCells:
        return cls(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def take(self, some: np.ndarray) -> HiddenCells:
        """Some of them, (cells,) of bool."""
        return HiddenCells(*(part[some] for part in self))

    def usual_errors(self, features: int) -> np.ndarray:
        """How far off the mean of the experts is, on average over each feature's cells, (features,); where it has none
        over all."""
        error = np.abs(self.words.mean(1) - self.truth)
        usual = error.mean() if self.n_cells else 1.0
        of_each = [error[self.feature == i].mean() if (self.feature == i).any() else usual for i in range(features)]
        return np.maximum(of_each, SMALLEST)
