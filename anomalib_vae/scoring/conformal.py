"""Conformal p-values: how surprising a score is, told from the scores of rows that the model has not seen.

Vovk, Gammerman and Shafer 2005, "Algorithmic learning in a random world"; Bates, Candès, Lei, Romano and Sesia 2023,
"Testing for outliers with conformal p-values".  Scores are arrays of one number a row, higher = more normal.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError

from anomalib_vae.parameters import check_value
from anomalib_vae.scoring.ties import tolerance


def split(X, fraction: float, random_state, *, in_order: bool = False) -> tuple[Any, Any]:
    """The rows of X for the model, and the share of them that it is not to see, or None where fraction is 0.

    in_order: these are the last rows, and not drawn at random.
    """
    if not fraction:
        return X, None
    held_out = math.ceil(fraction * len(X))
    if len(X) - held_out < 2:
        raise ValueError(
            f"calibration_fraction={fraction} of {len(X)} rows leaves {len(X) - held_out} for the model, which needs "
            "2: give more rows or a smaller share"
        )
    from sklearn.model_selection import train_test_split  # slow to import, and takes rich along

    if in_order:
        return train_test_split(X, test_size=held_out, shuffle=False)
    return train_test_split(X, test_size=held_out, random_state=random_state)


def pvalues(scores: np.ndarray, calibration: np.ndarray) -> np.ndarray:
    """p = (1 + calibration scores at or below the row's) / (1 + calibration scores), (rows,).

    A row that is exchangeable with the calibration rows has p <= α with probability at most α, whatever the model and
    the number of rows; with ties it is less.
    """
    if not len(calibration):
        raise NotFittedError(
            "p-values need calibration rows, which the model has not seen: hold some out with calibration_fraction=0.2 "
            "in fit, or give some to calibrate(X)"
        )
    at_or_below = np.searchsorted(np.sort(calibration), scores + tolerance(scores), side="right")
    return (1 + at_or_below) / (1 + len(calibration))


def threshold(calibration: np.ndarray, level: float) -> float:
    """The score that `pvalues` <= level stands for: it holds for the rows below, and for no others.

    n calibration scores tell no level below 1 / (n + 1): for such a one it is the lowest of them.
    """
    attainable = np.arange(1, len(calibration) + 1) / (1 + len(calibration))
    held = int(np.count_nonzero(attainable <= level))
    return float(np.sort(calibration)[max(held - 1, 0)])


def discoveries(p: np.ndarray, fdr: float) -> np.ndarray:
    """Which rows are anomalies at a false discovery rate of `fdr`, (rows,) of bool.

    Benjamini and Hochberg 1995, "Controlling the false discovery rate".  p: `pvalues` of all rows that are judged at
    once.  The mean share of false alarms among the discoveries is at most fdr where the rows are independent, though
    the p-values have their calibration rows in common (Bates et al. 2023).
    """
    from scipy.stats import false_discovery_control  # half a second to import

    check_value("fdr", fdr, float, {"bounds": {"above": 0, "below": 1}})
    return false_discovery_control(p, method="bh") <= fdr
