"""What lies between two images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from anomalib_vae.report.subject import model_of_images
from anomalib_vae.report.tiles import colours, draw_tiles, note_of, thinned

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 10  # pairs
MOST_STEPS = 20


def interpolations(model, pairs, steps: int = 8) -> Figure:
    """For each pair a row: an image, `steps` images on the way between the two codes, and the other image.

    model: fitted to images, or a role around it.  pairs: (pairs, 2, height, width) or with channels, or a sequence of
    pairs; of more than ten, ten evenly spread ones.  steps: 2 to 20, the first and the last of them reconstructions of
    the two.  Raises ValueError for a model of tables, and for pairs that aren't.
    """
    model = model_of_images(model)
    images = np.asarray(pairs)
    if images.shape[1:] != (2, *model.codec_.shape) or not len(images):
        expected = ", ".join(map(str, ("n", 2, *model.codec_.shape)))
        raise ValueError(f"pairs must be pairs of images, of the shape ({expected}), got {images.shape}")
    if steps > MOST_STEPS:
        raise ValueError(f"steps must be at most {MOST_STEPS}, got {steps}")
    some = images[thinned(len(images), MOST)]
    rows = [np.concatenate([a[None], model.interpolate(a, b, steps), b[None]]) for a, b in some]
    tiles = np.stack([colours(model.codec_, row) for row in rows])
    shares = [f"{share:.0%}" for share in np.linspace(0.0, 1.0, steps)]
    return draw_tiles(tiles, columns=["from", *shares, "to"], note=note_of(len(some), len(images), "pairs"))[0]
