"""The distribution of anomaly scores, with the threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from anomalib_vae.report.canvas import ANOMALY, LINE, NORMAL, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


LINEAR = 3.0  # interquartile ranges from the median within which the axis is linear


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
            axes.hist(
                below[rows], edges.tolist(), weights=weights, color=colour, alpha=0.6, label=f"{label} ({rows.sum():,})"
            )
    if offset is not None:
        axes.axvline((offset - middle) / spread, color=LINE, linestyle="--", label=f"threshold, {offset:.4g} nats")
    axes.set_xscale("symlog", linthresh=LINEAR)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xticks([x for x in (-1000, -300, -100, -30, -10, -3, -2, -1, 0, 1, 2) if edges[0] <= x <= edges[-1]])
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.set_xlabel("score less the median, in interquartile ranges (further left = more anomalous)")
    axes.set_ylabel("rows [%]")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _symmetric_log_edges(low: float, high: float) -> np.ndarray:
    """Bin edges of equal width on an axis that is linear within ±LINEAR and logarithmic beyond."""

    def squeeze(x):
        x = np.asarray(x) / LINEAR
        return np.sign(x) * np.where(np.abs(x) <= 1, np.abs(x), 1 + np.log10(np.maximum(np.abs(x), 1)))

    def stretch(u):
        return LINEAR * np.sign(u) * np.where(np.abs(u) <= 1, np.abs(u), 10 ** (np.abs(u) - 1))

    return stretch(np.linspace(squeeze(low), squeeze(high) + 1e-9, 60))
