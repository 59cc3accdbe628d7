"""Sensors over time, with the alarms as bands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from anomalib_vae.report.canvas import ANOMALY, LINE, NORMAL, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 6  # sensors: more of them can't be read
HEIGHT = 1.15  # inches, of one panel


def sensors_over_time(
    sensors: pd.DataFrame,
    alarms: pd.DataFrame,
    scores: pd.Series | None = None,
    offset: float | None = None,
    *,
    filled: pd.DataFrame | None = None,
    anomalous: pd.Series | None = None,
) -> Figure:
    """A panel for each of at most MOST sensors, those that the alarms name most often first, with the alarms as bands.

    sensors: (steps, sensors) of one series, numbers, indexed by its stamps or by steps.  alarms: from
    `AnomalyDetector.alarms`, in terms of that index.  scores, offset: a panel of them at the bottom.  filled: the same
    sensors with their gaps filled; what was filled in is drawn as dots.  anomalous: the steps known to be, as a line of
    marks on top.  Raises ValueError for frames without rows, and for parts whose index differs.
    """
    _check(sensors, scores, filled, anomalous)
    names = _most_named(sensors, alarms)
    panels = len(names) + (scores is not None)
    figure = new_figure(9.0, 0.8 + HEIGHT * panels)
    axes = figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
    for axis, name in zip(axes, names, strict=False):
        axis.plot(sensors.index, sensors[name], color=NORMAL, linewidth=0.7)
        if filled is not None:
            missing = sensors[name].isna()
            axis.plot(filled.index[missing], filled.loc[missing, name], ".", color=LINE, markersize=2)
        axis.set_ylabel(str(name), rotation=0, ha="right", va="center", fontsize=8)
    if scores is not None:
        axes[-1].plot(scores.index, scores, color=LINE, linewidth=0.7)
        axes[-1].set_ylabel("score [nats]", rotation=0, ha="right", va="center", fontsize=8)
        if offset is not None:
            axes[-1].axhline(offset, color=ANOMALY, linestyle="--", linewidth=0.8)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
        axis.locator_params(axis="y", nbins=3)
        for start, end in zip(alarms["start"], alarms["end"], strict=True):
            axis.axvspan(start, end, color=ANOMALY, alpha=0.25, linewidth=0)
    if anomalous is not None:
        _mark(axes[0], anomalous)
    axes[0].set_title(_legend(alarms, filled, anomalous), fontsize=9, loc="left")
    return figure


def _check(sensors: pd.DataFrame, *others: pd.Series | pd.DataFrame | None) -> None:
    if not len(sensors) or not sensors.shape[1]:
        raise ValueError(f"sensors must have steps and columns, got the shape {sensors.shape}")
    if any(other is not None and not other.index.equals(sensors.index) for other in others):
        raise ValueError("scores, filled and anomalous must have the index of sensors")


def _most_named(sensors: pd.DataFrame, alarms: pd.DataFrame) -> list:
    named = pd.Series([name for names in alarms["sensors"] for name in names], dtype=object).value_counts()
    worst = [name for name in named.index if name in sensors]
    return [*worst, *(name for name in sensors if name not in worst)][:MOST]


def _mark(axis, anomalous: pd.Series) -> None:
    """A line of marks above the panel where steps are anomalous."""
    at = np.flatnonzero(anomalous.to_numpy(bool))
    axis.plot(
        anomalous.index[at], np.ones(len(at)), "|", color=LINE, transform=axis.get_xaxis_transform(), clip_on=False
    )


def _legend(alarms: pd.DataFrame, filled: pd.DataFrame | None, anomalous: pd.Series | None) -> str:
    parts = ["1 alarm (band)" if len(alarms) == 1 else f"{len(alarms)} alarms (bands)"]
    if filled is not None:
        parts.append("filled in (dots)")
    if anomalous is not None:
        parts.append("known anomalies (marks on top)")
    return ", ".join(parts)
