"""Imputed values beside observed ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from anomalib_vae.report.canvas import ANOMALY, NORMAL, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS_DRAWN = 12


def imputed_against_observed(before: pd.DataFrame, after: pd.DataFrame) -> Figure:
    """For each column with gaps (the first twelve): the observed cells and the imputed ones, as shares of their kind.

    before, after: the frame with its gaps and the same frame filled.  Imputed values are expected values, so they
    spread less than observed ones; what should agree is where they lie.  Raises ValueError where nothing was missing.
    """
    gaps = [c for c in before.columns if before[c].isna().any() and before[c].notna().any()][:COLUMNS_DRAWN]
    if not gaps:
        raise ValueError("nothing to draw: no column of `before` has both missing and observed cells.")
    across = min(4, len(gaps))
    down = -(-len(gaps) // across)
    figure = new_figure(3.2 * across, 2.4 * down + 0.4)
    grid = figure.subplots(down, across, squeeze=False).ravel()
    for axes, column in zip(grid, gaps, strict=False):
        missing = before[column].isna()
        draw = _draw_numbers if _is_number(before[column]) else _draw_levels
        draw(axes, before.loc[~missing, column], after.loc[missing, column])
        axes.set_title(str(column), fontsize=10)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in grid[len(gaps) :]:
        axes.set_visible(False)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
    figure.supylabel("cells [%]", fontsize=9)
    return figure


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _draw_numbers(axes, observed: pd.Series, imputed: pd.Series) -> None:
    seen, filled = observed.to_numpy(float), imputed.to_numpy(float)
    low, high = np.percentile(seen, [0.5, 99.5])
    edges = np.linspace(low, high if high > low else low + 1, 31)
    for values, colour, label in ((seen, NORMAL, "observed"), (filled, ANOMALY, "imputed")):
        weights = np.full(len(values), 100 / len(values))
        axes.hist(np.clip(values, edges[0], edges[-1]), edges, weights=weights, color=colour, alpha=0.55, label=label)


def _draw_levels(axes, observed: pd.Series, imputed: pd.Series) -> None:
    shares = [100 * values.astype(str).value_counts(normalize=True) for values in (observed, imputed)]
    levels = list(shares[0].index[:10])
    at = np.arange(len(levels))
    for share, shift, colour, label in zip(
        shares, (-0.2, 0.2), (NORMAL, ANOMALY), ("observed", "imputed"), strict=True
    ):
        axes.bar(at + shift, share.reindex(levels, fill_value=0.0), 0.4, color=colour, alpha=0.7, label=label)
    axes.set_xticks(
        at,
        [level[:10] for level in levels],
        rotation=45 if len(levels) > 3 else 0,
        ha="right" if len(levels) > 3 else "center",
    )
