"""What models share that translate images of one set into images of another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, ClassVar, NoReturn, cast

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from anomalib_vae.codec.batch import Batch, Rows
from anomalib_vae.codec.image import ImageCodec, is_images
from anomalib_vae.models.base import SAMPLE, Model
from anomalib_vae.networks.translation import Architecture, TranslationNetwork
from anomalib_vae.parameters import parameter


class Translator(Model):
    """Base of the models of two sets of images: `fit(A, B)`, and `transform` makes images of B from images of A.

    `inverse_transform` makes images of A from images of B, `reconstruct` goes there and back.  `sample` makes images of
    B, translated from some of A that it draws from a few hundred of training.  There is no code: `interpolate` and
    `neighbours` raise NotImplementedError and say what to use instead.
    hidden_dims: of dense layers between the convolutions, by which a pixel may go to another place; () for none.
    `dropout` is theirs.  A translation starts as the image, or as its negative where that is more like the other set;
    turned or mirrored where that brings the sets' mean images together.

    Attributes after fit
    --------------------
    target_codec_ : ImageCodec, what was learned of the pixels of B; codec_ is that of A.
    """

    channels: tuple[int, ...] = parameter(
        default=(8, 16, 32), at_least=1, doc="Of a translation's convolutions, each halving an image."
    )
    critic_channels: tuple[int, ...] = parameter(
        default=(16, 32), at_least=1, doc="Of a critic's convolutions, each halving an image; what is left are patches."
    )
    gradient_penalty: float = parameter(default=1.0, at_least=0.0, doc="Weight of a critic's squared gradient, R1.")
    averaging: float = parameter(
        default=0.99, at_least=0.0, below=1.0, doc="Of a translation's average, what a step keeps."
    )

    activation = "leaky_relu"
    learning_rate = 2e-3
    batch_size = 16
    takes_tables = False
    unused: ClassVar = {"latent_dim": "images become images, without a code"}

    network_class: ClassVar[type[TranslationNetwork]]
    architecture_class: ClassVar[type[Architecture]]

    def fit(self, X, y=None):
        """Learn from images X of A and y of B.

        Both are arrays of shape (n, height, width) or (n, height, width, channels), of uint8 or any other numbers, NaN
        where a pixel is missing; of the same height and width, in whatever channels each.
        Raises ValueError or TypeError naming X, y or the parameter, TrainingDiverged if a loss left the finite.
        """
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None: give fit the images of both "
                "sets, fit(A, B)"
            )
        return super().fit(X, y)

    def _training_rows(self, X, y) -> Any:
        images = self._images_of_b(y, at_least=2)
        if images.shape[1:3] != self.codec_.shape[:2]:
            raise ValueError(
                f"y must be images of the same height and width as those of X, {self.codec_.shape[:2]}, got "
                f"{images.shape[1:3]}: scale or crop one of the two"
            )
        self.target_codec_ = ImageCodec.fit(images)
        return self._together(self.codec_.encode(X), self.target_codec_.encode(images))

    def _together(self, a: Batch, b: Batch) -> Any:
        """What is learned from: rows of A, each with one of B beside it."""
        raise NotImplementedError

    def _images_of_b(self, y, at_least: int = 1) -> np.ndarray:
        """y as an array, checked as far as `ImageCodec`, which speaks of X, does not."""
        if not is_images(y):
            shape = getattr(y, "shape", type(y).__name__)
            raise ValueError(
                f"y must be images of the other set, an array of shape (n, height, width) or (n, height, width, "
                f"channels), got {shape}"
            )
        images = np.asarray(y)
        if len(images) < at_least or 0 in images.shape:
            raise ValueError(f"y must hold at least {at_least} image(s) of at least one pixel, got {images.shape}")
        if images.dtype.kind == "f" and np.isnan(images).all():
            raise ValueError("y holds no observed pixel: all are NaN")
        return images

    def _rows_of_b(self, y) -> Rows:
        """`rows` of images of B."""
        images, expected = self._images_of_b(y), self.target_codec_.shape
        if images.shape[1:] != expected:
            shape = ", ".join(map(str, ("n", *expected)))
            raise ValueError(f"y must be images of the shape ({shape}) as in training, got {images.shape}")
        return self.target_codec_.rows(images)

    def _build(self, layout, generator):
        for name in ("channels", "critic_channels"):
            if not getattr(self, name):
                raise ValueError(f"{type(self).__name__}.{name} must have at least one width, got ()")
        settings = {field.name: getattr(self, field.name) for field in fields(self.architecture_class)}
        settings = {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}
        return self.network_class(layout, self.target_codec_.layout, self.architecture_class(**settings), generator)

    def _before_training(self, data, generator):
        some = torch.linspace(0, len(data) - 1, min(len(data), SAMPLE)).long()
        cast(TranslationNetwork, self.network_).start(data[some])

    def _after_training(self, data, some, generator):
        cast(TranslationNetwork, self.network_).settle(self._for_network(some))

    # ------------------------------------------------------------------ after fit
    def transform(self, X):
        """Images X of A as images of B: (n, height, width) or (n, height, width, channels), of the range and dtype that
        those of B had in training; the members' mean."""
        rows, network = self.rows(X), cast(TranslationNetwork, self.network_)
        return self._translated(network.translate, rows, self.target_codec_)

    def inverse_transform(self, codes) -> np.ndarray:
        """Images of B as images of A: what `transform` is in the other direction."""
        check_is_fitted(self)
        network = cast(TranslationNetwork, self.network_)
        return self._translated(network.translate_back, self._rows_of_b(codes), self.codec_)

    def score_samples(self, X, y=None) -> np.ndarray:
        """One number an image of A, (n,): higher = more normal; in nats.  What it is, and what images y of B change,
        the class's docstring says."""
        rows = self._scored(X, y)
        return self.by_row(self.score_batch(rows), rows)

    def score(self, X, y=None) -> float:
        """The mean of `score_samples`."""
        return float(np.mean(self.score_samples(X, y)))

    def column_scores(self, X, y=None) -> np.ndarray:
        """Each pixel's part of the score, in nats, 0 where it is missing: a heat map."""
        scores = self._evaluate(lambda batch: self.network_.column_scores(batch).mean(0), self._scored(X, y))
        return self._scored_codec.as_images(scores)

    def interpolate(self, a, b, steps: int = 10) -> NoReturn:
        """There are no codes to go between: raises NotImplementedError."""
        self._refuse("interpolate", "has no codes to go between: take a model such as VAE")

    def neighbours(self, X, k: int = 5, among=None) -> NoReturn:
        """There are no codes to compare: raises NotImplementedError."""
        self._refuse("neighbours", "has no codes to compare: take a model such as VAE")

    def _refuse(self, verb: str, reason: str) -> NoReturn:
        raise NotImplementedError(f"{type(self).__name__} has no {verb}: it {reason}")

    def _translated(self, function: Callable[[Batch], Tensor], rows: Rows, codec: ImageCodec) -> np.ndarray:
        return codec.decode(self._evaluate(lambda batch: function(batch).mean(0), rows))

    def _scored(self, X, y) -> Rows:
        """What a score is of."""
        raise NotImplementedError

    @property
    def _scored_codec(self) -> ImageCodec:
        """Of the images whose pixels have a part in the score."""
        raise NotImplementedError

    @property
    def codec_of_samples(self) -> ImageCodec:
        return self.target_codec_

    @property
    def columns(self) -> list[str]:
        return self._scored_codec.names

    @property
    def _n_features_out(self) -> int:
        return self.target_codec_.layout.width

    # ------------------------------------------------------------------ contract
    def learned(self) -> dict[str, Any]:
        return super().learned() | {"target_codec": self.target_codec_.to_json()}

    def relearn(self, learned: dict[str, Any]) -> None:
        self.target_codec_ = ImageCodec.from_json(learned["target_codec"])
        super().relearn(learned)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
