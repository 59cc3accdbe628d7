"""How a training went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from anomalib_vae.report.canvas import LINE, NORMAL, new_figure
from anomalib_vae.report.palette import CLASSES
from anomalib_vae.report.subject import model_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

VALIDATION = "validation_loss"


def training_curves(model) -> Figure:
    """The losses of each epoch, a line for each player and one for the rows held out, and the learning rate below.

    model: of images or of tables, or a role around it.  Where rows were held out, the epoch whose state was kept is
    marked.  The unit is that of the model's loss: nats a row for a VAE.
    """
    history = model_of(model).history_
    figure = new_figure(7.0, 4.6)
    losses, rate = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    _draw_losses(losses, history)
    rate.plot(history["epoch"], history["learning_rate"], color=LINE, linewidth=1, **_dots(history))
    rate.set_ylim(0, None)
    rate.set_ylabel("learning\nrate", fontsize=9)
    rate.set_xlabel("epoch", fontsize=9)
    rate.xaxis.get_major_locator().set_params(integer=True)
    rate.locator_params(axis="y", nbins=3)
    for axes in (losses, rate):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    return figure


def _draw_losses(axes: Axes, history: pd.DataFrame) -> None:
    players = [name for name in history if str(name).endswith("_loss") and name != VALIDATION]
    alone = len(players) == 1
    for colour, name in zip([NORMAL] if alone else np.resize(CLASSES, len(players)), players, strict=True):
        label = "training rows" if alone else str(name).removesuffix("_loss").replace("_", " ")
        axes.plot(history["epoch"], history[name], color=colour, linewidth=1.2, label=label, **_dots(history))
    if VALIDATION in history:
        axes.plot(
            history["epoch"], history[VALIDATION], color=LINE, linewidth=1.2, label="rows held out", **_dots(history)
        )
        kept = int(history["epoch"].to_numpy()[history[VALIDATION].to_numpy().argmin()])
        axes.axvline(kept, color=LINE, linestyle=":", linewidth=1, label=f"kept: epoch {kept}")
    axes.set_ylabel("loss", fontsize=9)
    axes.legend(frameon=False, fontsize=8)


def _dots(history: pd.DataFrame) -> dict:
    """A line of few epochs is hard to see, that of one epoch not at all."""
    return {"marker": "o", "markersize": 3} if len(history) <= 20 else {}
