"""What every estimator asks of its X before it looks into it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import validate_data

from anomalib_vae.codec import frames
from anomalib_vae.codec.image import ImageCodec, is_images
from anomalib_vae.training.callbacks import Callback


def checked(estimator, X, *, reset: bool):
    """X as a frame, as a two-dimensional array, or as a stack of images; at least one row (two in fit) and one column.

    Sets, or compares with, `n_features_in_` and `feature_names_in_` as scikit-learn does: columns that are missing, new
    or in another order are a ValueError.  Missing cells are fine; infinities are found by the codec, which names the
    column.  Images have as many features as pixels, without names; where rows are steps of a series, or where an
    estimator was fitted to the other of tables and images, they are a ValueError.
    """
    at_least = 2 if reset else 1
    if is_images(X) and getattr(estimator, "takes_images", False):
        return _checked_images(estimator, X, at_least, reset)
    if not reset and isinstance(codec := _codec_of(estimator), ImageCodec):
        codec.rows(X)  # says which images it wants
    if not getattr(estimator, "takes_tables", True):
        raise ValueError(
            f"{type(estimator).__name__} takes images only, an array of shape (n, height, width) or (n, height, width, "
            f"channels), got {getattr(X, 'shape', type(X).__name__)}"
        )
    if not frames.is_frame(X):
        return validate_data(
            estimator, X, reset=reset, dtype=None, ensure_all_finite=False, ensure_min_samples=at_least
        )
    names = frames.names_of(X)
    rows = len(X)
    if rows < at_least:
        raise ValueError(
            f"Found array with {rows} sample(s) (shape={X.shape}) while a minimum of {at_least} is required."
        )
    if not names:
        raise ValueError(f"Found array with 0 feature(s) (shape={X.shape}) while a minimum of 1 is required.")
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    return X


def _codec_of(estimator) -> Any:
    """Of a model, or of the model of a role; None where it has none."""
    return getattr(getattr(estimator, "model_", estimator), "codec_", None)


def check_surroundings(device: str, callbacks: Sequence[Any] | None) -> None:
    """Raise ValueError for a device that is not here, TypeError for what is no Callback."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device={device!r} is not available here: {str(error).splitlines()[0]}") from None
    for callback in callbacks or ():
        if not isinstance(callback, Callback):
            raise TypeError(f"callbacks must be Callback objects, got {callback!r}")


def _checked_images(estimator, X, at_least: int, reset: bool) -> np.ndarray:
    images = np.asarray(X)
    if len(images) < at_least:
        raise ValueError(
            f"Found {len(images)} image(s) (shape={images.shape}) while a minimum of {at_least} is required."
        )
    if reset:
        estimator.n_features_in_ = int(np.prod(images.shape[1:]))
        if hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
    elif (codec := _codec_of(estimator)) is not None and not isinstance(codec, ImageCodec):
        raise ValueError(
            f"X must be a table of {estimator.n_features_in_} columns as in training, got images (shape={images.shape})"
        )
    return images
