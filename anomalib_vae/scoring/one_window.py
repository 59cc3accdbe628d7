"""How far one window is from those of training, without what it costs to ask for many."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


class OneWindow:
    """The distances of a WindowView for a single window, as streams ask for them.

    For so few numbers the call of an operation costs more than what it does, and numpy's cost a third of torch's; torch
    keeps the two products, which read all axes and references, on the threads that it was given.
    """

    def __init__(self, view: Any, nearest: int):
        space = view.space
        self.length, self.is_shape = space.layout.length, bool(space.is_shape)
        self.scale, self.centre = space.scale.numpy(), space.centre.numpy()
        self.axes = space.rows_of_axes if len(space.axes) else None
        self.references, self.lengths = view.by_axis.T, view.squared_lengths
        self.places, self.first = view.places.numpy(), view.first_place
        self.center, self.spread = view.center.item(), view.spread.item()
        self.nearest = min(nearest, len(self.places))

    def excess(self, values: np.ndarray, observed: np.ndarray, own: int) -> float:
        """`WindowView.excess` of the window that the last of these steps, (steps, features of a step), ends; own: where
        in training the last step lies."""
        squares = self._squares(values[-self.length :], observed[-self.length :])
        begin = own - self.length + 1
        if begin > self.first - self.length:
            squares[np.abs(begin - self.places) < self.length] = np.inf
        nearest = np.partition(squares, self.nearest - 1)[: self.nearest]
        known = nearest[np.isfinite(nearest)]
        if not len(known):
            return 0.0
        distance = np.sqrt(np.maximum(known, 0.0) / (self.length * len(self.scale))).sum() / len(known)
        return (distance - self.center) / self.spread

    def _squares(self, values: np.ndarray, observed: np.ndarray) -> np.ndarray:
        """Squared distances to all references, (references,)."""
        steps = values.astype(np.float64)
        if not observed.all():
            mean = (steps * observed).sum(0) / np.maximum(observed.sum(0), 1.0)
            steps = np.where(observed, steps, mean)
        if self.is_shape:
            steps -= steps.mean(0)
        features = (steps / self.scale).ravel() - self.centre
        flat = torch.from_numpy(features)
        axes = flat if self.axes is None else torch.mv(self.axes, flat)
        return torch.addmv(self.lengths, self.references, axes, alpha=-2).numpy() + features @ features
