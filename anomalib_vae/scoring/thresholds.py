"""From scores, one number a row and higher = more normal, to the threshold below which a row is an anomaly."""

from __future__ import annotations

import numpy as np

from anomalib_vae.parameters import check_value
from anomalib_vae.scoring import conformal
from anomalib_vae.scoring.ties import tolerance


def of_contamination(contamination: float | str, training: np.ndarray, calibration: np.ndarray) -> float:
    """The threshold that a detector's `contamination` stands for.

    training: scores of the rows that the model was fitted to.  calibration: scores of rows that it has not seen; where
    there are any, "auto" and a share go by them alone, and a share is met as `conformal.threshold` meets it.
    """
    if contamination == 0:
        offset = float(np.concatenate([training, calibration]).min())
    elif contamination == "auto":
        offset = outer_fence(calibration if len(calibration) else training)
    elif len(calibration):
        offset = conformal.threshold(calibration, float(contamination))
    else:
        offset = float(np.percentile(training, 100 * float(contamination)))
    return offset - float(tolerance(offset))  # a row at the threshold shall not change sides by the last bit


def outer_fence(scores: np.ndarray) -> float:
    """The first quartile less three interquartile ranges (Tukey 1977, "Exploratory data analysis")."""
    low, high = np.percentile(scores, [25, 75])
    return float(low - 3 * (high - low))


def cheapest(scores: np.ndarray, y, *, missed: float, false_alarm: float) -> float:
    """The threshold of least cost, missed x anomalies not below it + false_alarm x normal rows below it.

    It lies halfway between two scores; among thresholds of the same cost it is the lowest.  y: 1 for a normal row and
    -1 for an anomaly, (rows,); both must occur.  missed, false_alarm: at least 0, in one unit, not both 0.
    """
    for name, cost in (("missed", missed), ("false_alarm", false_alarm)):
        check_value(name, cost, float, {"bounds": {"at_least": 0, "below": np.inf}})
    if missed == false_alarm == 0:
        raise ValueError("missed and false_alarm are both 0: without a cost no threshold is better than another")
    is_anomaly = _anomalies(y, len(scores))
    order = np.argsort(scores)
    scores, is_anomaly = scores[order], is_anomaly[order]
    below = np.concatenate([[0], np.cumsum(is_anomaly)])  # anomalies among the k lowest rows
    costs = float(missed) * (below[-1] - below) + float(false_alarm) * (np.arange(len(below)) - below)
    low, high = scores[0], scores[-1]
    edges = np.concatenate([[low - 2 * tolerance(low)], scores, [high + 2 * tolerance(high)]])
    costs[np.diff(edges) <= tolerance(edges[1:])] = np.inf  # nothing fits between equal scores
    best = int(np.argmin(costs))
    return float(edges[best : best + 2].mean())


def lowest(scores: np.ndarray, budget: int) -> np.ndarray:
    """Whether each row is among the `budget` rows of lowest score, (rows,) of bool; of equal ones the first."""
    check_value("budget", budget, int, {"bounds": {"at_least": 1}})
    chosen = np.zeros(len(scores), bool)
    chosen[np.argsort(scores, kind="stable")[:budget]] = True
    return chosen


def _anomalies(y, rows: int) -> np.ndarray:
    labels = np.asarray(y)
    if labels.shape != (rows,):
        raise ValueError(f"y must hold a label for each of the {rows} rows of X, got the shape {labels.shape}")
    strange = labels[~np.isin(labels, [1, -1])].tolist()
    if strange:
        raise ValueError(
            f"y must be 1 for a normal row and -1 for an anomaly, got {strange[0]!r}: "
            "np.where(is_anomaly, -1, 1) makes such labels"
        )
    is_anomaly = labels == -1
    if is_anomaly.all() or not is_anomaly.any():
        raise ValueError(f"y holds {labels[0]} only: a threshold of least cost needs normal rows and anomalies")
    return is_anomaly
