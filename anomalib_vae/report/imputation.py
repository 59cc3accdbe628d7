"""Imputed values beside observed ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from anomalib_vae.codec import frames
from anomalib_vae.codec.column import Column
from anomalib_vae.report.canvas import ANOMALY, NORMAL, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS_DRAWN = 12
LEVELS_DRAWN = 9
BINS = 30
EXACT = 2**52  # whole numbers below it, and the halves between them, are exact floats
MICROSECONDS_A_DAY, MICROSECONDS_A_SECOND = 86_400e6, 1e6


def imputed_against_observed(before, after) -> Figure:
    """For each column with gaps (the first twelve): the observed cells and the imputed ones, as shares of their kind.

    before, after: the frame (or array) with its gaps and the same one filled.  Imputed values are expected values, so
    they spread less than observed ones; what should agree is where they lie.  Numbers beyond the 0.5th and 99.5th
    percentile of the observed ones are counted in the outer bars, levels after the nine most frequent under "others".
    Raises ValueError where nothing was filled or the two do not match.
    """
    columns = _filled_columns(before, after)
    drawn = columns[:COLUMNS_DRAWN]
    across = min(4, len(drawn))
    down = -(-len(drawn) // across)
    figure = new_figure(max(3.2 * across, 4.2), 2.4 * down + 0.6)
    grid = figure.subplots(down, across, squeeze=False).ravel()
    for axes, column in zip(grid, drawn, strict=False):
        draw = _draw_levels if column.family in ("label", "boolean") else _draw_numbers
        draw(axes, column)
        axes.set_title(column.title, fontsize=10)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in grid[len(drawn) :]:
        axes.set_visible(False)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
    figure.supylabel("cells [%]", fontsize=9)
    if len(columns) > len(drawn):
        figure.supxlabel(f"the first {len(drawn)} of {len(columns)} columns with gaps", fontsize=9)
    return figure


@dataclass(frozen=True)
class FilledColumn:
    """What a panel shows: the cells that were observed, and those that were imputed."""

    name: str
    family: str
    observed: np.ndarray
    imputed: np.ndarray

    @property
    def title(self) -> str:
        return self.name if len(self.name) <= 30 else f"{self.name[:29]}…"

    @property
    def kinds(self):
        """Values, colour and label of the two kinds of cells."""
        return (self.observed, NORMAL, "observed"), (self.imputed, ANOMALY, "imputed")


def _filled_columns(before, after) -> list[FilledColumn]:
    holed, whole = frames.read(before), frames.read(after)
    if [(str(c.name), len(c.values)) for c in holed] != [(str(c.name), len(c.values)) for c in whole]:
        raise ValueError("before and after must have the same columns and rows: give the frame and its filled copy.")
    columns = [_filled(*pair) for pair in zip(holed, whole, strict=True)]
    columns = [column for column in columns if len(column.observed) and len(column.imputed)]
    if not columns:
        raise ValueError("nothing to draw: no column of `before` has observed cells and cells that `after` filled.")
    return columns


def _filled(before: Column, after: Column) -> FilledColumn:
    imputed = after.values[~before.observed & after.observed]
    column = FilledColumn(str(before.name), before.family, before.values[before.observed], imputed)
    units = {"time": MICROSECONDS_A_DAY, "duration": MICROSECONDS_A_SECOND}
    if before.family == "boolean":  # read as 0 and 1
        return replace(column, observed=column.observed.astype(bool), imputed=column.imputed.astype(bool))
    if before.family in units:  # read as microseconds
        unit = units[before.family]
        return replace(column, observed=column.observed / unit, imputed=column.imputed / unit)
    return column


def _draw_numbers(axes, column: FilledColumn) -> None:
    edges = _edges(column.observed)
    for values, colour, label in column.kinds:
        weights = np.full(len(values), 100 / len(values))
        axes.hist(
            np.clip(values, edges[0], edges[-1]), edges.tolist(), weights=weights, color=colour, alpha=0.55, label=label
        )
    if column.family == "time":
        _write_dates(axes.xaxis)
        return
    axes.locator_params(axis="x", nbins=5)
    if column.family == "duration":
        axes.set_xlabel("seconds", fontsize=8)


def _write_dates(axis) -> None:
    """Days since 1970 written as dates; matplotlib's own `axis_date` depends on its global settings."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(4))
    low, high = axis.get_view_interval()
    unit = "D" if high - low > 4 else "m"
    axis.set_major_formatter(
        FuncFormatter(lambda days, _: str(np.datetime64(round(days * MICROSECONDS_A_DAY), "us").astype(f"M8[{unit}]")))
    )


def _edges(observed: np.ndarray) -> np.ndarray:
    """Edges of equal bins over the bulk of the values; those of whole numbers lie halfway between them."""
    low, high = np.percentile(observed, [0.5, 99.5])
    if (observed == np.round(observed)).all() and abs(observed).max() < EXACT:
        low, high = np.floor(low), np.ceil(high)
        if high == low:
            low, high = low - 1, high + 1
        width = np.ceil((high - low + 1) / BINS)
        return np.arange(low - 0.5, high + width, width)
    if high <= low:
        margin = 0.1 * abs(low) or 0.5
        low, high = low - margin, high + margin
    return np.linspace(low, high, BINS + 1)


def _draw_levels(axes, column: FilledColumn) -> None:
    shares = {label: _shares(values) for values, _, label in column.kinds}
    by_frequency = sorted(shares["observed"], key=shares["observed"].__getitem__, reverse=True)
    levels = by_frequency[:LEVELS_DRAWN]
    for share in shares.values():
        share["others"] = 100 - sum(share.get(level, 0.0) for level in levels)
    if max(share["others"] for share in shares.values()) > 1e-9:
        levels = [*levels, "others"]
    at = np.arange(len(levels))
    for shift, (_, colour, label) in zip((-0.2, 0.2), column.kinds, strict=True):
        axes.bar(
            at + shift, [shares[label].get(level, 0.0) for level in levels], 0.4, color=colour, alpha=0.7, label=label
        )
    names = [level if len(level) <= 10 else f"{level[:9]}…" for level in levels]
    slanted = sum(map(len, names)) > 24
    axes.set_xticks(at, names, rotation=45 if slanted else 0, ha="right" if slanted else "center")


def _shares(values: np.ndarray) -> dict[str, float]:
    """The share of each level in percent."""
    levels, counts = np.unique(values.astype(str), return_counts=True)
    return dict(zip(levels.tolist(), (100 * counts / len(values)).tolist(), strict=True))
