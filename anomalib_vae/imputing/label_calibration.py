"""Probabilities of labels that hold what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

SMALLEST = 1e-6  # probability
PRIOR = 0.2  # standard deviation of log T around 0: a hundred cells say little of it
START = (0.0, -4.0)  # log T and logit of the background
FLOOR = 0.5  # of a level, added to its count


@dataclass(frozen=True)
class LabelCalibration:
    """p = (1 - b) softmax(log p' / T) + b f, of predicted probabilities p' and how often each level is found at all, f.

    Temperature scaling (Guo, Pleiss, Sun and Weinberger 2017, "On calibration of modern neural networks") can't mend a
    model that has learned some rows by heart and is sure of its guesses at others; the background b can.  Both are one
    for all columns: there are seldom enough cells of one.

    frequencies: f of each column, in the layout's order, empty for numbers.
    """

    temperature: float
    background: float
    frequencies: list[np.ndarray]

    @classmethod
    def fit(
        cls, columns: Sequence[tuple[np.ndarray, np.ndarray, int]], frequencies: list[np.ndarray]
    ) -> LabelCalibration:
        """columns: predicted probabilities and found levels of hidden cells, (cells, levels), the latter one-hot, and
        where in frequencies the column is."""

        from scipy.optimize import minimize  # slow to import

        def loss(parameters: np.ndarray) -> float:
            candidate = cls(float(np.exp(parameters[0])), float(expit(parameters[1])), frequencies)
            fits = [np.sum(candidate.probabilities(i, p) * found, axis=1) for p, found, i in columns]
            return float(0.5 * (parameters[0] / PRIOR) ** 2 - sum(np.sum(np.log(fit + SMALLEST)) for fit in fits))

        if not sum(len(predicted) for predicted, _, _ in columns):
            return cls(1.0, 0.0, frequencies)
        log_temperature, logit = minimize(loss, START, method="Nelder-Mead").x
        return cls(float(np.exp(log_temperature)), float(expit(logit)), frequencies)

    def probabilities(self, position: int, predicted: np.ndarray) -> np.ndarray:
        """Calibrated ones of a column's levels, (rows, levels); predicted: likewise, they need not add up to 1."""
        p = softmax(np.log(np.maximum(predicted, SMALLEST)) / self.temperature)
        return (1 - self.background) * p + self.background * self.frequencies[position]


def frequencies(found: np.ndarray) -> np.ndarray:
    """How often each level is found in one-hot rows, (cells, levels), in (levels,) that add up to 1."""
    counts = found.sum(axis=0) + FLOOR
    return counts / counts.sum()


def softmax(logits: np.ndarray) -> np.ndarray:
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def of_levels(targets: np.ndarray) -> np.ndarray:
    """A column's targets, (rows, targets), by level: those of a boolean, one each, become False and True."""
    return np.hstack([1.0 - targets, targets]) if targets.shape[1] == 1 else targets
