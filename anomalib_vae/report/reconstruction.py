"""Images above what a model makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from anomalib_vae.report.subject import model_of_images
from anomalib_vae.report.tiles import colours, draw_tiles, note_of, thinned

if TYPE_CHECKING:
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

MOST = 12  # images: more of them can't be read
ODDEST = 0.5  # percent of the pixels, which may be odder than the scale of colours reaches


def reconstructions(model, X, *, heat_map: bool = False) -> Figure:
    """Originals above, what the model makes of them below; of more than twelve images, twelve evenly spread ones.

    model: fitted to images, or a role around it.  X: images like those of training; missing pixels are sand-coloured.
    heat_map: a third row with each pixel's part of the score (`column_scores`), in nats, channels added up: the redder,
    the less expected.  Raises ValueError for a model of tables and for images of another shape.
    """
    model, X = model_of_images(model), np.asarray(X)
    some = X[thinned(len(X), MOST)]
    made = [some, model.reconstruct(some)]
    tiles, names = [colours(model.codec_, images) for images in made], ["original", "reconstruction"]
    if heat_map:
        scores = _by_pixel(model, some)
        scale = _scale(scores)
        tiles.append(np.asarray(scale.cmap(scale.norm(scores)))[..., :3])
        names.append("heat map")
    note = note_of(len(some), len(X), "images")
    figure, axes = draw_tiles(np.stack(tiles), rows=names, note=note, below=0.55 if heat_map else 0.0)
    if heat_map:
        bar = figure.colorbar(scale, ax=axes, location="bottom", shrink=0.5, aspect=30, pad=0.03, extend="min")
        bar.set_label("part of the score [nats] (lower = less expected)", fontsize=8)
        bar.ax.tick_params(labelsize=7)
    return figure


def _by_pixel(model, images: np.ndarray) -> np.ndarray:
    """(n, height, width): of a pixel's channels the sum."""
    scores = np.asarray(model.column_scores(images))
    return scores.sum(-1) if scores.ndim == 4 else scores


def _scale(scores: np.ndarray) -> ScalarMappable:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    low, high = float(np.percentile(scores, ODDEST)), float(scores.max())
    return ScalarMappable(Normalize(low, high if high > low else low + 1.0, clip=True), "Reds_r")
