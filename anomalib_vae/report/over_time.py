"""Samples at moments of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from anomalib_vae.report.subject import model_of_images
from anomalib_vae.report.tiles import colours, draw_tiles, note_of, thinned

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from anomalib_vae.models.base import Model
    from anomalib_vae.report.snapshots import SampleSnapshots

MOST, MOST_MOMENTS = 16, 16


def samples_over_time(model, snapshots: SampleSnapshots | None = None) -> Figure:
    """A row for each moment of the training that was kept, a column for each code: what the network made of it then.

    model: fitted to images, or a role around it, with `callbacks=(SampleSnapshots(),)`.  snapshots: that callback; None
    finds it in the model, which has it until it is saved and loaded.  Of more than 16 moments or samples, as many
    evenly spread ones are drawn.  Raises ValueError for a model of tables and for one without snapshots.
    """
    model = model_of_images(model)
    moments = (_snapshots_of(model) if snapshots is None else snapshots).moments
    if not moments:
        raise ValueError("these snapshots hold no moment of a training: give those that are in the model's callbacks")
    epochs = np.array(sorted(moments))[thinned(len(moments), MOST_MOMENTS)]
    count = len(moments[0])
    columns = thinned(count, MOST)
    tiles = np.stack(
        [colours(model.codec_of_samples, model.codec_of_samples.decode(moments[epoch][columns])) for epoch in epochs]
    )
    notes = note_of(len(epochs), len(moments), "moments"), note_of(len(columns), count, "samples")
    names = ["untrained" if epoch == 0 else f"epoch {epoch:,}" for epoch in epochs]
    return draw_tiles(tiles, rows=names, note=", ".join(filter(None, notes)))[0]


def _snapshots_of(model: Model) -> SampleSnapshots:
    from anomalib_vae.report.snapshots import SampleSnapshots

    for callback in model.callbacks or ():
        if isinstance(callback, SampleSnapshots):
            return callback
    raise ValueError(
        f"this {type(model).__name__} kept no samples of its training: fit it with callbacks=(SampleSnapshots(),) "
        "from anomalib_vae.report"
    )
