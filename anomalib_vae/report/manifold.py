"""The images that the points of a two-dimensional code stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from anomalib_vae.report.subject import classes_of, model_of_images, position_of
from anomalib_vae.report.tiles import centres, colours, draw_tiles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from anomalib_vae.models.base import Model

MOST = 40  # tiles in a row
TICKS = 5


def latent_manifold(model, size: int = 15, y=None) -> Figure:
    """size x size decoded points of a two-dimensional code, at the quantiles of the standard normal distribution.

    The i-th of `size` columns is the quantile (i + 1/2) / size of the first dimension, the rows are those of the
    second, from the bottom up: each image stands for the same probability (Kingma & Welling 2014, figure 4).  An
    autoencoder has the Gaussian of its training codes in place of the standard normal one.
    model: fitted to images, or a role around it.  size: at most 40.  y: the class, of a conditional model, whose code
    has two dimensions beside it.  Raises ValueError for a model of tables, for a code that is not two-dimensional, and
    for a class that the model doesn't know.
    """
    from scipy.special import ndtri

    from anomalib_vae.models.codes import whole_number

    model = model_of_images(model)
    whole_number("size", size, 2)
    if size > MOST:
        raise ValueError(f"size must be at most {MOST}, got {size}")
    _check_plane(model)
    label = _position(model, y)
    z = ndtri((np.arange(size) + 0.5) / size)
    first, second = np.meshgrid(z, z[::-1])
    points = np.stack([first.ravel(), second.ravel()], 1)
    images = colours(model.codec_, model.inverse_transform(_codes(model, points, label)))
    figure, axes = draw_tiles(images.reshape(size, size, *images.shape[1:]), beside=0.65, below=0.5)
    _name_axes(axes, z, *images.shape[1:3])
    return figure


def _check_plane(model: Model) -> None:
    from anomalib_vae.report.draws import width_of

    members, width = model.network_.n_members, width_of(model.network_)
    if members != 1 or width != 2:
        several = f" of {members} members" if members > 1 else ""
        raise ValueError(
            f"the code must be two-dimensional, and that of this {type(model).__name__} has {width} "
            f"dimension{'s' if width > 1 else ''}{several}: fit it with latent_dim=2 and n_members=1"
        )


def _position(model: Model, y) -> int | None:
    """Of the class, where the code stands for images of several classes."""
    from anomalib_vae.report.draws import width_of

    if y is None and width_of(model.network_) == model.network_.code_width:
        return None
    if y is None:
        raise ValueError(f"y must be the class to draw, one of {classes_of(model)}")
    return position_of(model, y)


def _codes(model: Model, points: np.ndarray, label: int | None) -> np.ndarray:
    """Codes that are to the model's codes what these points, (n, 2), are to the standard normal distribution."""
    import torch

    from anomalib_vae.report.draws import codes_of

    place = model.network_.device
    with torch.inference_mode():
        return codes_of(model.network_, torch.from_numpy(points)[None].to(place), label)[0].cpu().numpy()


def _name_axes(axes, z: np.ndarray, height: int, width: int) -> None:
    at = np.unique(np.linspace(0, len(z) - 1, min(TICKS, len(z))).round().astype(int))
    names = [f"{value:.2f}" for value in z[at]]
    axes.set_xticks(centres(len(z), width, height)[at], names, fontsize=8)
    axes.set_yticks(centres(len(z), height, width)[::-1][at], names, fontsize=8)
    axes.tick_params(length=2, labelbottom=True, labeltop=False)
    axes.set_xlabel("first dimension of the code, at normal quantiles", fontsize=8)
    axes.set_ylabel("second dimension", fontsize=8)
