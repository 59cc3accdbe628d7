"""From verdicts on single steps to alarms that people can act on: intervals, and the sensors to look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from anomalib_vae.codec import frames, selection
from anomalib_vae.codec.timeline import Timeline


def alarms(
    X: Any,
    timeline: Timeline,
    scores: np.ndarray,
    is_anomaly: np.ndarray,
    excess: pd.DataFrame,
    join: int,
    n_sensors: int,
) -> pd.DataFrame:
    """See `AnomalyDetector.alarms`.

    scores, is_anomaly: of the rows of X, (rows,).  excess: each sensor's part of the score less what is usual, (rows,
    sensors).  join: of so many rows between two alarms or fewer none is needed to tell them apart.
    """
    labels, columns = _labels(X, timeline.time), [] if timeline.series is None else ["series"]
    keys, found = timeline.keys(X), []
    for rows in timeline.rows_of_series(X):
        for first, last in _runs(is_anomaly[rows], join):
            inside = rows[first : last + 1]
            peak = inside[scores[inside].argmin()]
            worst = excess.iloc[inside].mean().nsmallest(n_sensors)
            found.append(
                {
                    "series": keys[inside[0]],
                    "start": labels[inside[0]],
                    "end": labels[inside[-1]],
                    "steps": len(inside),
                    "peak": labels[peak],
                    "lowest_score": scores[peak],
                    "mean_score": scores[inside].mean(),
                    "sensors": tuple(worst.index[worst < 0]),
                }
            )
    columns += ["start", "end", "steps", "peak", "lowest_score", "mean_score", "sensors"]
    return pd.DataFrame(found, columns=columns)


def _runs(is_anomaly: np.ndarray, join: int) -> Iterator[tuple[int, int]]:
    """First and last place of each run of anomalies, runs at most `join` others apart being one."""
    at = np.flatnonzero(is_anomaly)
    if len(at):
        for run in np.split(at, np.flatnonzero(np.diff(at) > join + 1) + 1):
            yield int(run[0]), int(run[-1])


def _labels(X: Any, time: Any) -> pd.Index:
    """What names each row: its stamp, or its place in the index of X."""
    if time is None:
        return X.index if isinstance(X, pd.DataFrame) else pd.RangeIndex(len(X))
    if isinstance(X, pd.DataFrame):
        return pd.Index(X[time])
    column = frames.read(selection.select(X, [frames.names_of(X).index(time)]))[0]
    if column.family in ("time", "duration"):
        convert = pd.to_datetime if column.family == "time" else pd.to_timedelta
        return pd.Index(convert(column.values.astype(np.int64), unit="us"))
    return pd.Index(column.values)
