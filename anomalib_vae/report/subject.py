"""What a picture is drawn of: a fitted model, and one of images where only these can be drawn."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from anomalib_vae.models.base import Model


def model_of(estimator: Any) -> Model:
    """The fitted model, taken out of its role if it has one.

    Raises NotFittedError for an unfitted one, TypeError for an estimator from elsewhere.
    """
    check_is_fitted(estimator)
    model = getattr(estimator, "model_", estimator)
    model = getattr(model, "estimator", model)  # inside a FrozenEstimator
    if not hasattr(model, "codec_"):
        raise TypeError(f"the model must be one of anomalib_vae, got a {type(model).__name__}")
    return model


def model_of_images(estimator: Any) -> Model:
    """The same, of a model that was fitted to images.  Raises ValueError for one that was fitted to a table."""
    from anomalib_vae.codec.image import ImageCodec

    model = model_of(estimator)
    if not isinstance(model.codec_, ImageCodec):
        raise ValueError(
            f"this picture shows images, and {type(model).__name__} was fitted to a table: fit it to an array of shape "
            "(n, height, width) or (n, height, width, channels)"
        )
    return model


def classes_of(model: Model) -> list | None:
    """The classes that samples can be asked of; None where `sample` takes none."""
    takes_class = "y" in inspect.signature(model.sample).parameters
    return np.asarray(model.classes_).tolist() if takes_class and hasattr(model, "classes_") else None


def position_of(model: Model, label) -> int:
    """Where a class is among those of the model.  Raises ValueError for another one and for a model without."""
    classes = classes_of(model)
    if classes is None:
        raise ValueError(f"y must be None: {type(model).__name__} knows no classes")
    if label not in classes:
        raise ValueError(f"y must be one of {classes}, got {label!r}")
    return classes.index(label)
