"""Two simple ways to fill gaps, for comparison: by column, and by a linear model."""

from __future__ import annotations

import numpy as np
import pandas as pd

from anomalib_vae.codec.column import Column

LEVELS_TOLD_APART = 20
ROUNDS, TOLERANCE = 10, 1e-3  # scikit-learn's IterativeImputer's


def is_labelled(column: Column) -> bool:
    """Whether a column holds levels (labels, booleans) and no quantities."""
    return column.family in ("label", "boolean")


def by_column(columns: list[Column]) -> list[np.ndarray]:
    """The columns, gaps filled with the mean of a quantity and the most frequent one of the levels."""
    return [_filled(column, _mode(column) if is_labelled(column) else _mean(column)) for column in columns]


def by_linear_model(columns: list[Column]) -> list[np.ndarray]:
    """The columns, gaps filled by chained Bayesian ridge regressions, each of a column on all others.

    Quantities are standardised and filled as scikit-learn's IterativeImputer fills them.  Levels are one-hot, the
    twenty most frequent of each column, and the gap gets the level whose feature is predicted highest.
    IterativeImputer itself would predict a level by the others of its column, which are missing as well.
    """
    blocks = [_one_hot(column) if is_labelled(column) else _standardised(column) for column in columns]
    gaps = [~column.observed for column in columns]
    parts = _chained(blocks, gaps)
    return [_decoded(column, part) for column, part in zip(columns, parts, strict=True)]


def _chained(blocks: list[np.ndarray], gaps: list[np.ndarray]) -> list[np.ndarray]:
    """The blocks, each (rows, features) of one column, with their gaps predicted from the other blocks, in rounds until
    nothing moves."""
    from sklearn.linear_model import BayesianRidge

    current = [np.where(np.isnan(block), np.nanmean(block, axis=0), block) for block in blocks]
    order = [i for i in np.argsort([gap.sum() for gap in gaps], kind="stable") if gaps[i].any()]
    far = max(float(np.nanmax(np.abs(block))) for block in blocks)
    for _ in range(ROUNDS if len(blocks) > 1 else 0):
        step = 0.0
        for i in order:
            others = np.hstack([block for j, block in enumerate(current) if j != i])
            for feature in current[i].T:
                new = BayesianRidge().fit(others[~gaps[i]], feature[~gaps[i]]).predict(others[gaps[i]])
                step = max(step, float(np.abs(new - feature[gaps[i]]).max()))
                feature[gaps[i]] = new
        if step < TOLERANCE * far:
            break
    return current


def _filled(column: Column, value) -> np.ndarray:
    values = column.values.copy()
    values[~column.observed] = value
    return values


def _mean(column: Column) -> float:
    return float(column.values[column.observed].mean())


def _levels(column: Column) -> list:
    """By frequency; of equally frequent ones, the one seen first."""
    return list(pd.Series(column.values[column.observed], dtype=object).value_counts().index)


def _mode(column: Column):
    return _levels(column)[0]


def _scale(column: Column) -> float:
    return float(column.values[column.observed].std()) or 1.0


def _standardised(column: Column) -> np.ndarray:
    return ((column.values - _mean(column)) / _scale(column))[:, None]


def _one_hot(column: Column) -> np.ndarray:
    levels = _levels(column)[:LEVELS_TOLD_APART]
    features = np.column_stack([column.values == level for level in levels]).astype(float)
    features[~column.observed] = np.nan
    return features


def _decoded(column: Column, features: np.ndarray) -> np.ndarray:
    values = column.values.copy()
    gaps = ~column.observed
    if is_labelled(column):
        levels = np.empty(features.shape[1], dtype=object)
        levels[:] = _levels(column)[: features.shape[1]]
        values[gaps] = levels[features[gaps].argmax(1)]
    else:
        values[gaps] = features[gaps, 0] * _scale(column) + _mean(column)
    return values
