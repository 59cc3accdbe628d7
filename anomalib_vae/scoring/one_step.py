"""How far one step's windows are from those of training, without what it costs to ask for many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


class OneWindow:
    """The squared distances of a WindowView for a single window, as streams ask for them.

    For so few numbers the call of an operation costs more than what it does, and numpy's cost a third of torch's.
    """

    def __init__(self, view: Any):
        space = view.space
        self.length, self.is_shape = space.layout.length, bool(space.is_shape)
        self.scale, self.centre = space.scale.numpy(), space.centre.numpy()
        self.axes = space.rows_of_axes.numpy() if len(space.axes) else None
        self.references, self.lengths = view.by_axis.numpy().T, view.squared_lengths.numpy()
        self.places, self.first = view.places.numpy(), view.first_place

    def squares(self, steps: np.ndarray, observed: np.ndarray | None, own: int) -> np.ndarray:
        """Of the window that the last of these steps ends, (references,), infinite of those that overlap it.

        steps: (steps, features of a step) in float64; observed: of the same shape, None where all are.  own: where in
        training the last step lies.
        """
        features = self._features(steps[-self.length :], None if observed is None else observed[-self.length :])
        axes = features if self.axes is None else self.axes @ features
        found = self.lengths + features @ features - 2 * (self.references @ axes)
        begin = own - self.length + 1
        if begin > self.first - self.length:
            found[np.abs(begin - self.places) < self.length] = np.inf
        return found

    def _features(self, steps: np.ndarray, observed: np.ndarray | None) -> np.ndarray:
        """What `WindowSpace` makes of a window, (features,)."""
        if observed is not None:
            mean = (steps * observed).sum(0) / np.maximum(observed.sum(0), 1.0)
            steps = np.where(observed, steps, mean)
        if self.is_shape:
            steps = steps - steps.mean(0)
        return (steps / self.scale).ravel() - self.centre


class OneStep:
    """`WindowView.excess` of the windows that one step ends, of a few views, summed: most of what follows a product is
    done for all of them at once."""

    def __init__(self, views: Sequence[Any], nearest: int):
        self.windows = [OneWindow(view) for view in views]
        self.shape = len(views), max(len(view.places) for view in views)
        self.nearest = min(nearest, self.shape[1])
        self.features = np.array([[len(window.centre)] for window in self.windows])
        self.center, self.spread = (np.array([getattr(v, n).item() for v in views]) for n in ("center", "spread"))

    def excess(self, values: np.ndarray, observed: np.ndarray, own: int) -> float:
        """values, observed: the last steps, (steps, features of a step); own: where in training the last one lies."""
        steps, known = values.astype(np.float64), None if observed.all() else observed
        squares = np.full(self.shape, np.inf)
        for row, window in zip(squares, self.windows, strict=True):
            row[: len(window.places)] = window.squares(steps, known, own)
        nearest = np.partition(squares, self.nearest - 1, axis=1)[:, : self.nearest]
        there = np.isfinite(nearest)
        count = there.sum(1)
        distances = np.sqrt(np.maximum(np.where(there, nearest, 0.0), 0.0) / self.features)
        excess = (distances.sum(1) / np.maximum(count, 1) - self.center) / self.spread
        return float(excess[count > 0].sum())
