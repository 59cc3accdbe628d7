"""Where the rows of each class lie among the codes of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from anomalib_vae.report.canvas import NORMAL, new_figure
from anomalib_vae.report.palette import CLASSES, OTHERS
from anomalib_vae.report.subject import model_of
from anomalib_vae.report.tiles import note_of, thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST, MOST_EMBEDDED, FEWEST_EMBEDDED = 5000, 1000, 5  # rows; t-SNE of 1,000 takes seconds
PERPLEXITY = 30.0  # scikit-learn's
CAVEAT = "distances between groups and the sizes of groups mean nothing"


def latent_space(model, X, labels=None, *, random_state: int = 0) -> Figure:
    """The codes of the rows of X as points, coloured by class: as they are where the code has two dimensions, and by
    t-SNE (van der Maaten & Hinton 2008) where it has more.

    t-SNE keeps which rows are neighbours; distances between groups and the sizes of groups mean nothing, as the picture
    says.  model: of images or of tables, or a role around it.  labels: (rows,) of any kind; the ten most frequent
    classes have colours.  random_state: of t-SNE.  Of more than 5,000 rows, or 1,000 by t-SNE, as many evenly spread
    ones are drawn.  Raises ValueError for a code of one dimension, for one that doesn't vary, and for labels of another
    length.
    """
    model = model_of(model)
    codes = np.asarray(model.transform(X), float)
    classes = None if labels is None else _classes(labels, len(codes))
    width = codes.shape[1]
    if width < 2:
        raise ValueError(f"the code must have at least two dimensions, {type(model).__name__} has one: latent_dim=2")
    some = thinned(len(codes), MOST if width == 2 else MOST_EMBEDDED)
    points = codes[some] if width == 2 else _embedded(codes[some], random_state)
    figure = new_figure(7.0, 5.2)
    axes = figure.subplots()
    _draw(axes, points, None if classes is None else classes[some])
    notes = [note_of(len(some), len(codes), "rows")]
    if width == 2:
        axes.set_ylabel("second dimension of the code", fontsize=9)
        notes.insert(0, "first dimension of the code")
    else:
        axes.set_xticks([])
        axes.set_yticks([])
        notes.insert(0, f"t-SNE of codes of {width} dimensions: neighbours mean something;\n{CAVEAT}")
    axes.set_xlabel("; ".join(filter(None, notes)), fontsize=9)
    return figure


def _classes(labels, rows: int) -> pd.Categorical:
    values = np.asarray(labels)
    if values.shape != (rows,):
        raise ValueError(f"labels must have shape ({rows},), one for each row, got {values.shape}")
    return pd.Categorical(values)


def _embedded(codes: np.ndarray, random_state: int) -> np.ndarray:
    """(rows, 2) by t-SNE."""
    from sklearn.manifold import TSNE

    if len(codes) < FEWEST_EMBEDDED:
        raise ValueError(f"t-SNE needs at least {FEWEST_EMBEDDED} rows, got {len(codes)}")
    if not np.ptp(codes, axis=0).any():
        raise ValueError("the codes don't vary: the model gives the same to every row (posterior collapse)")
    perplexity = min(PERPLEXITY, (len(codes) - 1) / 3)
    return TSNE(perplexity=perplexity, init="pca", random_state=random_state).fit_transform(codes)


def _draw(axes: Axes, points: np.ndarray, classes: pd.Categorical | None) -> None:
    size = float(np.clip(6000 / len(points), 4, 30))
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    if classes is None:
        axes.scatter(points[:, 0], points[:, 1], s=size, color=NORMAL, alpha=0.7, linewidths=0)
        return
    counts = np.bincount(classes.codes[classes.codes >= 0], minlength=len(classes.categories))
    coloured = np.sort(np.argsort(-counts, kind="stable")[: len(CLASSES)])
    rest = ~np.isin(classes.codes, coloured)
    if rest.any():
        axes.scatter(points[rest, 0], points[rest, 1], s=size, color=OTHERS, alpha=0.7, linewidths=0, label="others")
    for colour, code in zip(CLASSES, coloured[counts[coloured] > 0], strict=False):
        group = points[classes.codes == code]
        label = _short(str(classes.categories[code]))
        axes.scatter(group[:, 0], group[:, 1], s=size, color=colour, alpha=0.7, linewidths=0, label=label)
        _name(axes, np.median(group, axis=0), label, colour)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8, markerscale=1.5)


def _name(axes: Axes, at: np.ndarray, label: str, colour: str) -> None:
    """The label in the middle of its group: colours alone are hard to tell apart."""
    from matplotlib.patheffects import withStroke

    outline = [withStroke(linewidth=3, foreground="white")]
    axes.text(
        at[0],
        at[1],
        label,
        color=colour,
        fontsize=11,
        fontweight="bold",
        ha="center",
        va="center",
        path_effects=outline,
    )


def _short(name: str) -> str:
    return name if len(name) <= 20 else f"{name[:19]}…"
