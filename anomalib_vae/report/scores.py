"""The distribution of anomaly scores, with the threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from anomalib_vae.report.canvas import ANOMALY, LINE, NORMAL, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def score_histogram(scores, offset: float | None = None, anomalous=None) -> Figure:
    """Histogram of scores (rows,), in nats, with the threshold `offset` as a line.

    anomalous: (rows,) booleans; where they are known, anomalies and normal rows are drawn apart, each as a share of its
    own kind.  Scores reach far to the left, so the axis is linear near the bulk of the scores and logarithmic beyond.
    """
    scores = np.asarray(scores, float)
    middle = float(np.median(scores))
    spread = max(float(np.subtract(*np.percentile(scores, [75, 25]))), 1e-9)
    below = (scores - middle) / spread
    edges = _symmetric_log_edges(below.min(), below.max())
    figure = new_figure()
    axes = figure.subplots()
    kinds = {"all rows": (np.ones(len(scores), bool), NORMAL)}
    if anomalous is not None:
        anomalous = np.asarray(anomalous, bool)
        kinds = {"normal": (~anomalous, NORMAL), "anomalous": (anomalous, ANOMALY)}
    for label, (rows, colour) in kinds.items():
        if rows.any():
            weights = np.full(rows.sum(), 100 / rows.sum())
            axes.hist(below[rows], edges.tolist(), weights=weights, color=colour, alpha=0.6, label=f"{label} ({rows.sum():,})")
    if offset is not None:
        axes.axvline((offset - middle) / spread, color=LINE, linestyle="--", label=f"threshold, {offset:.4g} nats")
    axes.set_xscale("symlog", linthresh=3.0)
    axes.set_xlabel("score less the median, in interquartile ranges (further left = more anomalous)")
    axes.set_ylabel("rows [%]")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _symmetric_log_edges(low: float, high: float) -> np.ndarray:
    """Bin edges of equal width on an axis that is linear within ±3 and logarithmic beyond."""

    def squeeze(x):
        return np.sign(x) * np.where(np.abs(x) <= 3, np.abs(x) / 3, 1 + np.log10(np.maximum(np.abs(x), 3) / 3))

    def stretch(u):
        return np.sign(u) * np.where(np.abs(u) <= 1, np.abs(u) * 3, 3 * 10 ** (np.abs(u) - 1))

    return stretch(np.linspace(squeeze(low), squeeze(high) + 1e-9, 60))
