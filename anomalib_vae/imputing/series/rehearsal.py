"""Observed cells that are hidden to see who fills them best: single ones, and blocks."""

from __future__ import annotations

import numpy as np

from anomalib_vae.imputing.series.stepped import SteppedSeries

TIMES = 2  # that each way is used
POINTS = (0.05, 0.3)  # rates of single cells
BLOCKS = (2, 40)  # steps
RATE = 0.15  # of the cells in blocks


def rehearsals(series: SteppedSeries, columns: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Cells to hide, (steps, features) of bool, of the observed ones; a few ways of doing it.

    columns: of each feature, its column: the levels of a label are hidden together.
    """
    shape = len(series.values), columns.max(initial=0) + 1
    ways = [way(shape, rng) for _ in range(TIMES) for way in (_points, _blocks)]
    return [hidden[:, columns] & series.observed for hidden in ways]


def _points(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    return rng.random(shape) < rng.uniform(*POINTS)


def _blocks(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    steps, hidden = shape[0], np.zeros(shape, bool)
    count = max(1, int(RATE * steps / np.mean(BLOCKS)))
    for column in hidden.T:
        for start, length in zip(rng.integers(0, steps, count), rng.integers(*BLOCKS, count), strict=True):
            column[start : start + length] = True
    return hidden
