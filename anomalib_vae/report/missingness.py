"""What is missing in a frame: how much of each column, and which columns together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from anomalib_vae.report.canvas import ANOMALY, NORMAL, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from anomalib_vae.missingness.summary import MissingReport

COLUMNS_DRAWN = 30
PATTERNS_DRAWN = 20


def missing_cells(report: MissingReport) -> Figure:
    """The share of each column that is missing as bars, and beside them the sets of columns missing together.

    report: what `report_missing` gave.  The thirty columns with most gaps are drawn, and the twenty most frequent sets,
    that of complete rows among them, with the rows of each as bars above.  Raises ValueError where nothing is missing.
    """
    columns = report.columns[report.columns["missing"] > 0].sort_values("missing", ascending=False, kind="stable")
    if not len(columns):
        raise ValueError("nothing to draw: no cell is missing.")
    drawn, patterns = columns.head(COLUMNS_DRAWN), report.patterns.head(PATTERNS_DRAWN)
    figure = new_figure(max(3.6 + 0.28 * len(patterns), 5.5), 2.2 + 0.24 * len(drawn))
    heights = [1.1, max(0.24 * len(drawn), 0.4)]
    widths = [2.0, max(0.28 * len(patterns), 1.4)]
    grid = figure.add_gridspec(2, 2, height_ratios=heights, width_ratios=widths)
    shares = figure.add_subplot(grid[1, 0])
    _draw_shares(shares, drawn)
    _draw_rows(figure.add_subplot(grid[0, 1]), patterns, len(report.patterns))
    _draw_matrix(figure.add_subplot(grid[1, 1]), list(drawn.index), patterns)
    if len(columns) > len(drawn):
        shares.set_title(f"the {len(drawn)} of {len(columns)} columns with most gaps", fontsize=8, loc="left")
    return figure


def _draw_shares(axes: Axes, columns) -> None:
    at = np.arange(len(columns))
    bars = axes.barh(at, 100 * columns["share"], 0.7, color=ANOMALY, alpha=0.75)
    axes.bar_label(bars, [f"{share:.1f}" for share in 100 * columns["share"]], padding=2, fontsize=7)
    axes.set_yticks(at, [_short(str(name)) for name in columns.index], fontsize=8)
    axes.set_ylim(len(columns) - 0.5, -0.5)
    axes.set_xlim(0, 1.25 * 100 * float(columns["share"].max()))
    axes.set_xlabel("missing cells [%]", fontsize=8)
    axes.tick_params(axis="x", labelsize=7)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_rows(axes: Axes, patterns, n_patterns: int) -> None:
    at = np.arange(len(patterns))
    colours = [ANOMALY if together else NORMAL for together in patterns["missing"]]
    axes.bar(at, patterns["rows"], 0.7, color=colours, alpha=0.75)
    for x, rows, colour in zip(at, patterns["rows"], colours, strict=True):
        upright = rows < 1000 and len(patterns) < 10
        axes.annotate(
            f"{rows:,}", (x, rows), (0, 2), textcoords="offset points", ha="center", va="bottom", fontsize=7,
            rotation=0 if upright else 90, color=colour,
        )  # fmt: skip
    axes.set_xlim(-0.5, len(patterns) - 0.5)
    axes.set_ylim(0, 1.35 * float(patterns["rows"].max()))
    axes.set_xticks([])
    axes.set_ylabel("rows", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.locator_params(axis="y", nbins=4)
    axes.spines[["top", "right"]].set_visible(False)
    what = "rows by the columns they lack"
    most = f"; the {len(patterns)} most frequent of {n_patterns:,} sets" if n_patterns > len(patterns) else ""
    axes.set_title(what + most, fontsize=8, loc="left")


def _draw_matrix(axes: Axes, names: list, patterns) -> None:
    """A square for each column that is missing in a pattern, on the lines of the bars beside and above."""
    for row in range(0, len(names), 2):
        axes.axhspan(row - 0.5, row + 0.5, color="#f2f2f2", zorder=0)
    for x, together in enumerate(patterns["missing"]):
        rows = [names.index(name) for name in together if name in names]
        axes.scatter([x] * len(rows), rows, 70, marker="s", color=ANOMALY, alpha=0.75, linewidths=0)
    axes.set_xlim(-0.5, len(patterns) - 0.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    complete = [x for x, together in enumerate(patterns["missing"]) if not together]
    axes.set_xticks(complete, ["complete"] * len(complete), rotation=90, fontsize=7, color=NORMAL)
    axes.set_yticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:11]}…{name[-12:]}"
