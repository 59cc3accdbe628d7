"""How far a prediction would be another one, had other rows been drawn to learn it from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from anomalib_vae.codec.batch import Batch, Layout

MAX_FEATURES = 400  # with more, the members alone tell: a draw costs the cube of it for each column
RIDGE = 1.0  # rows that each coefficient is held to 0 by


@dataclass(frozen=True)
class LinearSpread:
    """The posterior spread of a Bayesian linear regression of each numeric column's residuals on the rest of its row.

    Members trained on the same rows differ by their start and the order of the rows, not by the rows, so they are too
    alike.  What rows leave open most is a regression's coefficients and the scale of its residuals.  With Φ the
    features of the n training rows in which a column was observed, (n, features), and s² the variance of its residuals,
    they are drawn as σ² = s² ν / χ²(ν), ν = n - features but at least n/2, and N(0, σ² (Φ'Φ + ridge)⁻¹) for what the
    coefficients add (Rubin 1987, p. 167).

    gram: Φ'Φ of all training rows, (1 + features, 1 + features), the first for the intercept.  shares: of the training
    rows in which each column was observed.  deviations: s, 0 for labels.  All are in the layout's order.
    """

    gram: np.ndarray
    shares: np.ndarray
    deviations: np.ndarray

    @classmethod
    def fit(cls, rows: Batch, layout: Layout, deviations: np.ndarray, training_rows: int) -> LinearSpread:
        """rows: a sample of the training rows, which are so many."""
        observed = rows.observed[:, [block.start for block in layout.blocks]].double().numpy()
        features = _features(rows, layout)
        if features.shape[1] > MAX_FEATURES:
            features = features[:, :1]
        gram = features.T @ features * (training_rows / len(rows))
        return cls(gram, observed.mean(axis=0), deviations)

    def draw(self, rows: Batch, layout: Layout, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """One draw: what it adds to the residuals of each numeric column, (rows, columns), and what these are
        multiplied by, (columns,)."""
        shift, stretch = np.zeros((len(rows), len(layout.blocks))), np.ones(len(layout.blocks))
        features, of_feature = _features(rows, layout), np.array([-1, *layout.column_of_target])[: len(self.gram)]
        for position in np.flatnonzero((self.deviations > 0) & (self.shares > 0)):
            others = np.flatnonzero(of_feature != position)
            seen = self.shares[position] * self.gram[0, 0]
            freedom = max(seen - len(others), seen / 2)
            stretch[position] = np.sqrt(freedom / rng.chisquare(freedom))
            weights = self.gram[np.ix_(others, others)] * self.shares[position] + RIDGE * np.eye(len(others))
            noise = rng.standard_normal(len(others)) * self.deviations[position] * stretch[position]
            drawn = solve_triangular(cholesky(weights, lower=True), noise, lower=True, trans="T")
            shift[:, position] = features[:, others] @ drawn
        return shift, stretch


def _features(rows: Batch, layout: Layout) -> np.ndarray:
    """An intercept and the targets of rows, 0 where they are missing: (rows, 1 + targets)."""
    return np.hstack([np.ones((len(rows), 1)), rows.values[:, layout.targets].double().numpy()])
