"""Does an imputer beat the mean and a linear model on this very frame?  Cells are held out to see."""

from __future__ import annotations

import math
import numbers
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils import check_random_state

from anomalib_vae.codec import frames
from anomalib_vae.codec.column import Column
from anomalib_vae.imputation import VAEImputer
from anomalib_vae.missingness import baselines
from anomalib_vae.missingness.baselines import is_labelled

MEAN, LINEAR = "mean or mode", "linear"
EXACT = 2**53  # up to here float64 holds every integer


def compare(X, imputer: Any = None, *, share: float = 0.2, random_state: int | None = 0) -> pd.DataFrame:
    """The error of an imputer in each column of X beside those of simple ones, on cells held out from all of them.

    X: frame or array of mixed columns, gaps allowed; share of the observed cells of each column is held out, at random.
    imputer: `VAEImputer(random_state=random_state)` unless another one is given, any transformer that gives a frame or
    array of the shape of its input.  The others are the mean (for levels: the most frequent one) and a linear
    model: scikit-learn's Bayesian ridge regression of each column on all others, in rounds as IterativeImputer does it.

    One row a column: measure, "RMSE" in standard deviations of the column (lower is better) or "accuracy" of labels and
    booleans (higher is better), the number of cells held out, a column for each imputer, and which of them is best, the
    simplest where they are equal.  The last row, "overall", has the mean over the columns of the error relative to that
    of the mean or mode, where an accuracy's error is the share of wrong levels: below 1 is better than it.  Integers
    are rounded for every imputer.  Columns with fewer than two observed cells are left out; a column that the imputer
    leaves alone is NaN.  What is missing because of its value is harder to fill than cells held out at random.
    """
    _check(share)
    random = check_random_state(random_state)
    seed = int(random.randint(2**31 - 1))
    columns = [c for c in frames.read(X if frames.is_frame(X) else np.asarray(X)) if c.observed.sum() >= 2]
    if not columns:
        raise ValueError("X has no column with two observed cells or more: there is nothing to hold out.")
    held_out = [_held_out(column, share, random) for column in columns]
    holed = [_without(column, cells) for column, cells in zip(columns, held_out, strict=True)]
    chosen = VAEImputer(random_state=seed) if imputer is None else clone(imputer)
    filled = {
        MEAN: baselines.by_column(holed),
        LINEAR: baselines.by_linear_model(holed),
        type(chosen).__name__: _by_imputer(chosen, holed),
    }
    table = pd.DataFrame(
        [
            _row(column, cells, {name: done[i] for name, done in filled.items()})
            for i, (column, cells) in enumerate(zip(columns, held_out, strict=True))
        ],
        index=pd.Index([column.name for column in columns], name="column", tupleize_cols=False),
    )
    return _with_overall(table, list(filled))


def _check(share: float) -> None:
    if not isinstance(share, numbers.Real) or isinstance(share, bool) or not 0 < share < 1:
        raise ValueError(f"share must be a number above 0 and below 1, got {share!r}")


def _held_out(column: Column, share: float, random) -> np.ndarray:
    """Positions of the cells to hold out: at least one, and never all."""
    observed = np.flatnonzero(column.observed)
    count = min(max(round(share * len(observed)), 1), len(observed) - 1)
    return np.sort(random.choice(observed, count, replace=False))


def _without(column: Column, cells: np.ndarray) -> Column:
    values = column.values.copy()
    values[cells] = None if column.family == "label" else np.nan
    return replace(column, values=values)


def _by_imputer(imputer, columns: list[Column]) -> list[np.ndarray]:
    frame = pd.DataFrame({f"c{i}": _as_pandas(column) for i, column in enumerate(columns)})
    frame.columns = pd.Index([column.name for column in columns], tupleize_cols=False)
    filled = imputer.fit_transform(frame)
    done = frames.read(filled if frames.is_frame(filled) else pd.DataFrame(np.asarray(filled)).infer_objects())
    if len(done) != len(columns):
        raise ValueError(
            f"{type(imputer).__name__} gave {len(done)} columns for {len(columns)}: only an imputer that neither drops "
            "nor adds columns can be compared."
        )
    return [column.values for column in done]


def _as_pandas(column: Column) -> pd.Series:
    """The column with the pandas dtype of its family that can hold gaps."""
    values, observed = column.values, column.observed
    if column.family == "label":
        return pd.Series(values, dtype=object).where(observed, np.nan)  # scikit-learn's imputers do not know None
    if column.family == "number" or (column.family == "integer" and np.abs(values[observed]).max() >= EXACT):
        return pd.Series(values)
    if column.family in ("time", "duration"):
        kind = "M8[us]" if column.family == "time" else "m8[us]"
        return pd.Series(np.where(observed, values, 0).astype("int64").astype(kind)).where(observed)
    return pd.Series(pd.array(values, dtype="Int64" if column.family == "integer" else "boolean"))


def _row(column: Column, cells: np.ndarray, filled: dict[str, np.ndarray]) -> dict[str, Any]:
    score = _accuracy if is_labelled(column) else _rmse
    scores = pd.Series({name: score(column, values[cells], cells) for name, values in filled.items()})
    best = scores.idxmax() if is_labelled(column) else scores.idxmin()
    measure = "accuracy" if is_labelled(column) else "RMSE"
    return {"measure": measure, "cells": len(cells), **scores, "best": best}


def _accuracy(column: Column, guess: np.ndarray, cells: np.ndarray) -> float:
    if pd.isna(guess).any():  # an imputer that leaves this column alone
        return math.nan
    return float(np.mean(guess == column.values[cells]))


def _rmse(column: Column, guess: np.ndarray, cells: np.ndarray) -> float:
    """In standard deviations of the column; NaN where the imputer left cells missing."""
    guess = np.asarray(guess, np.float64)
    guess = guess if column.family == "number" else np.rint(guess)
    spread = float(column.values[column.observed].std()) or 1.0
    return float(np.sqrt(np.mean((guess - column.values[cells]) ** 2))) / spread


def _with_overall(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    errors = table[names].where(table["measure"] == "RMSE", 1 - table[names])
    relative = errors[errors[MEAN] > 0].div(errors[MEAN], axis=0).dropna().mean()
    best = relative.idxmin() if relative.notna().all() else MEAN  # NaN: the mean is right everywhere
    overall = {"measure": "relative error", "cells": int(table["cells"].sum()), **relative, "best": best}
    return pd.concat([table, pd.DataFrame([overall], index=pd.Index(["overall"], name="column"))])
