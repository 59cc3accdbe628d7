"""A model so quick that a simulation can fit it hundreds of times, and rows for it."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator


class Gaussian(BaseEstimator):
    """A normal distribution fitted to the rows, as quick as a model can be; far too sure about the rows it has seen."""

    def fit(self, X, y=None):
        self.mean_ = np.mean(X, axis=0)
        self.precision_ = np.linalg.pinv(np.cov(X, rowvar=False))
        return self

    def score_samples(self, X):
        return -np.einsum("ij,jk,ik->i", X - self.mean_, self.precision_, X - self.mean_)


def normal(rows: int, seed: int, columns: int = 4) -> np.ndarray:
    """Independent standard normal cells, (rows, columns)."""
    return np.random.default_rng(seed).normal(size=(rows, columns))
