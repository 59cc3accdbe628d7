"""A grid of samples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils import check_random_state

from anomalib_vae.report.subject import classes_of, model_of_images, position_of
from anomalib_vae.report.tiles import colours, draw_tiles, in_rows, note_of, thinned

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from anomalib_vae.models.base import Model

MOST, MOST_OF_CLASS, MOST_CLASSES = 144, 12, 20


def samples(model, n: int | None = None, y=None, *, noise: bool = False) -> Figure:
    """Samples on a grid; of a model whose `sample` takes a class, a row for each class.

    model: fitted to images, or a role around it.  n: how many, of each class where there are classes; None for 64, or
    ten of each class; more than 144, or twelve of each class, are not drawn.  y: the class or classes to draw; None for
    all that the model knows.  noise: a VAE says of each pixel a mean and how far from it the pixel may be; False draws
    the means at codes from its prior, True what `sample` gives.  Other models are drawn by `sample`.
    Raises ValueError for a model of tables, and for a y that the model doesn't know.
    """
    from anomalib_vae.models.codes import whole_number

    model = model_of_images(model)
    if n is not None:
        whole_number("n", n, 1)
    classes = classes_of(model) if y is None else np.atleast_1d(y).tolist()
    if classes is not None:
        return _by_class(model, classes, 10 if n is None else n, noise)
    n = 64 if n is None else n
    drawn = min(n, MOST)
    tiles = in_rows(colours(model.codec_of_samples, _drawn(model, drawn, noise)), math.ceil(math.sqrt(drawn)))
    return draw_tiles(tiles, note=note_of(drawn, n, "samples"))[0]


def _by_class(model: Model, classes: list, n: int, noise: bool) -> Figure:
    positions = {label: position_of(model, label) for label in classes}
    some, drawn = [classes[i] for i in thinned(len(classes), MOST_CLASSES)], min(n, MOST_OF_CLASS)
    tiles = np.stack(
        [colours(model.codec_of_samples, _drawn(model, drawn, noise, positions[label], y=label)) for label in some]
    )
    notes = note_of(len(some), len(classes), "classes"), note_of(drawn, n, "samples of each class")
    return draw_tiles(tiles, rows=[str(label) for label in some], note=", ".join(filter(None, notes)))[0]


def _drawn(model: Model, n: int, noise: bool, position: int | None = None, **label) -> np.ndarray:
    """Images, (n, ...), of the class at that position among the model's, which is `label`."""
    import torch

    from anomalib_vae.networks.variational import VariationalNetwork
    from anomalib_vae.report.draws import expected_draws

    if noise or not isinstance(model.network_, VariationalNetwork):
        return model.sample(n, **label)
    place = model.network_.device
    generator = torch.Generator(place).manual_seed(int(check_random_state(model.random_state).randint(2**31 - 1)))
    with torch.inference_mode():
        return model.codec_of_samples.decode(expected_draws(model.network_, n, generator, position).cpu().numpy())
