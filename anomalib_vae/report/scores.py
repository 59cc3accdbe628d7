"""The distribution of anomaly scores, with the threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from anomalib_vae.report.canvas import ANOMALY, LINE, NORMAL, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINEAR = 3.0  # interquartile ranges from the median within which the axis is linear
BINS = 60


def score_histogram(scores, offset: float | None = None, anomalous=None) -> Figure:
    """Histogram of scores (rows,), in nats, with the threshold `offset` as a line.

    anomalous: (rows,) booleans; where they are known, anomalies and normal rows are drawn apart, each as a share of its
    own kind.  Scores reach far to the left, so the axis is linear near the bulk of the scores and logarithmic beyond.
    Raises ValueError for scores that are not finite numbers, for none, and for `anomalous` of another length.
    """
    scores = _checked(scores)
    kinds = _kinds(len(scores), anomalous)
    shown = scores if offset is None else np.append(scores, offset)
    axis = NatsAxis.around(scores)
    edges = axis.edges(shown.min(), shown.max())
    figure = new_figure()
    axes = figure.subplots()
    for label, (rows, colour) in kinds.items():
        count = int(rows.sum())
        if count:
            weights = np.full(count, 100 / count)
            axes.hist(
                scores[rows], edges.tolist(), weights=weights, color=colour, alpha=0.6, label=f"{label} ({count:,})"
            )
    if offset is not None:
        axes.axvline(offset, color=LINE, linestyle="--", label=f"threshold: {offset:.4g} nats")
    axes.set_xscale("function", functions=(axis.place, axis.score))
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xticks(axis.ticks(edges[0], edges[-1]))
    axes.minorticks_off()
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.set_xlabel("score [nats] (further left = more anomalous)")
    axes.set_ylabel("rows [%]" if anomalous is None else "rows of each kind [%]")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _checked(scores) -> np.ndarray:
    scores = np.asarray(scores, float)
    if scores.ndim != 1 or not len(scores):
        raise ValueError(f"scores must have shape (rows,) with at least one row, got {scores.shape}")
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite numbers: leave out the rows whose score is missing or infinite.")
    return scores


def _kinds(count: int, anomalous) -> dict[str, tuple[np.ndarray, str]]:
    """What is drawn apart: by its label, which rows it has and its colour."""
    if anomalous is None:
        return {"all rows": (np.ones(count, bool), NORMAL)}
    anomalous = np.asarray(anomalous, bool)
    if anomalous.shape != (count,):
        raise ValueError(f"anomalous must have shape ({count},), one for each score, got {anomalous.shape}")
    return {"normal": (~anomalous, NORMAL), "anomalous": (anomalous, ANOMALY)}


@dataclass(frozen=True)
class NatsAxis:
    """An axis of scores that is linear within `linear` nats of `middle` and logarithmic beyond.

    A place on it is 0 at the middle, ±1 where the linear part ends, and one more for each factor of ten.
    """

    middle: float
    linear: float

    @classmethod
    def around(cls, scores: np.ndarray) -> NatsAxis:
        spread = float(np.subtract(*np.percentile(scores, [75, 25]))) or float(scores.std()) or 1.0
        return cls(float(np.median(scores)), LINEAR * spread)

    def place(self, scores) -> np.ndarray:
        x = (np.asarray(scores, float) - self.middle) / self.linear
        return np.sign(x) * np.where(np.abs(x) <= 1, np.abs(x), 1 + np.log10(np.maximum(np.abs(x), 1)))

    def score(self, places) -> np.ndarray:
        u = np.asarray(places, float)
        return self.middle + self.linear * np.sign(u) * np.where(np.abs(u) <= 1, np.abs(u), 10 ** (np.abs(u) - 1))

    def edges(self, low: float, high: float) -> np.ndarray:
        """Edges of bins that look equally wide; the outer ones are a little beyond low and high."""
        left, right = self.place([low, high])
        margin = 0.01 * (right - left) or 0.5
        return self.score(np.linspace(left - margin, right + margin, BINS + 1))

    def ticks(self, low: float, high: float) -> list[float]:
        """Round scores, never so close that their labels touch: first those of the linear part, then 1 and 3 times
        powers of ten."""
        from matplotlib.ticker import MaxNLocator

        ends = max(low, self.middle - self.linear), min(high, self.middle + self.linear)
        powers = 10.0 ** np.arange(np.floor(np.log10(self.linear)), np.log10(max(abs(low), abs(high), self.linear)) + 1)
        ladder = np.concatenate([powers, 3 * powers])
        linear_part = MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(*ends)
        kept: list[float] = []
        gap = 0.1 * float(np.ptp(self.place([low, high])))
        for tick in (*linear_part, *-ladder, *ladder):
            apart = np.abs(self.place(kept) - self.place(tick)) >= gap
            if low <= tick <= high and apart.all():
                kept.append(float(tick))
        return sorted(kept)
