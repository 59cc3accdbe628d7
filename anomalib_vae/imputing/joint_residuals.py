"""How the residuals of cells that are missing in the same row hang together."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import ndtri

PRIOR_PAIRS = 20.0  # a pair of columns hidden in as many rows is taken at half its correlation
LEAST_EIGENVALUE = 0.05
CHUNK = 512  # rows at once


def precision_of(residuals: np.ndarray) -> np.ndarray:
    """The precision matrix, scaled to a diagonal of 1, of the columns' normal scores: (columns, columns).

    residuals: (rows, columns), of cells predicted from all others of their row, NaN where there is none.  Their
    correlation is that precision: in x ~ N(0, Λ⁻¹) the residual of x_i given the others is (Λx)_i / Λ_ii.
    """
    found = ~np.isnan(residuals)
    scores = np.zeros(residuals.shape)
    for column, seen in enumerate(found.T):
        if seen.sum() > 1 and np.ptp(residuals[seen, column]) > 0:
            score = ndtri((residuals[seen, column].argsort().argsort() + 1) / (seen.sum() + 1))
            scores[seen, column] = score / score.std()
    pairs = found.T.astype(float) @ found
    correlation = (scores.T @ scores) / (pairs + PRIOR_PAIRS)
    np.fill_diagonal(correlation, 1.0)
    values, vectors = np.linalg.eigh(correlation)
    positive = (vectors * np.maximum(values, LEAST_EIGENVALUE)) @ vectors.T
    deviation = np.sqrt(np.diag(positive))
    return positive / np.outer(deviation, deviation)


def dependent_noise(precision: np.ndarray, missing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Standard-normal noise for each cell, (rows, columns), that of the missing ones correlated within their row.

    With the missing part m of a row, its noise has the correlation of (Λ_mm)⁻¹, Λ the precision.
    """
    noise = rng.standard_normal(missing.shape)
    several = np.flatnonzero(missing.sum(axis=1) > 1)
    full = torch.from_numpy(precision)
    for start in range(0, len(several), CHUNK):
        at = several[start : start + CHUNK]
        hole = torch.from_numpy(missing[at]).double()
        of_missing = full * hole[:, :, None] * hole[:, None, :] + torch.diag_embed(1.0 - hole)
        factor = torch.linalg.cholesky(of_missing)
        drawn = torch.linalg.solve_triangular(factor.mT, torch.from_numpy(noise[at])[..., None], upper=True)[..., 0]
        variance = torch.cholesky_inverse(factor).diagonal(dim1=1, dim2=2)
        noise[at] = (drawn / variance.sqrt()).numpy()
    return noise
