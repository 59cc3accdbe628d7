"""What models with an encoder and a decoder share: how they read data and what they make of differences."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, ClassVar

from anomalib_vae.codec.image import ImageLayout
from anomalib_vae.losses.augmentations import Augmentation, Augmented, Binarize
from anomalib_vae.losses.bernoulli import Bernoulli
from anomalib_vae.losses.corruptions import Corruption
from anomalib_vae.losses.likelihood import Likelihood
from anomalib_vae.losses.strategies import AUGMENTATIONS, CORRUPTIONS, LIKELIHOODS, augmentation, corruption, likelihood
from anomalib_vae.models.base import Model
from anomalib_vae.networks.encoder_decoder import Architecture, EncoderDecoder
from anomalib_vae.parameters import parameter


class EncoderDecoderModel(Model):
    """Base of the models whose network is an `EncoderDecoder`; a subclass names the network and its architecture, whose
    fields are filled in from the parameters of the same names."""

    likelihood: str | Likelihood = parameter(
        default="gaussian", options=tuple(LIKELIHOODS), doc="Of the numeric columns; 'bernoulli' of grey pixels."
    )
    corruption: str | Corruption | None = parameter(
        default=None, options=tuple(CORRUPTIONS), doc="Of the input in training."
    )
    seen_weight: float = parameter(
        default=1.0, at_least=0.0, doc="Weight of cells that a corruption left, against hidden ones."
    )
    augmentation: str | Augmentation | None = parameter(
        default=None,
        options=tuple(AUGMENTATIONS),
        doc="Of training rows whenever they are drawn, input and target alike; of held-out rows once.",
    )
    n_bins: int = parameter(default=0, at_least=0, doc="Piecewise-linear bins of each numeric input; 0 for none.")
    backbone: str = parameter(
        default="auto", options=("auto", "dense", "conv"), doc="'auto': convolutions for images, dense for tables."
    )
    channels: tuple[int, ...] = parameter(
        default=(16, 32), at_least=1, doc="Of the convolutional layers, each halving an image; then come hidden_dims."
    )

    network_class: ClassVar[type[EncoderDecoder]]
    architecture_class: ClassVar[type[Architecture]]

    def _build(self, layout, generator):
        if self.backbone == "conv" and not (isinstance(layout, ImageLayout) and self.channels):
            raise ValueError(
                f"{type(self).__name__}.backbone='conv' needs images, (n, height, width) or (n, height, width, "
                "channels), and at least one width in the parameter channels"
            )
        return self.network_class(layout, self._architecture(layout), generator)

    def _architecture(self, layout) -> Any:
        names = {field.name for field in fields(self.architecture_class)}
        settings = {name: getattr(self, name) for name in names if hasattr(self, name)}
        settings |= {
            "latent_dims": self._latent_dims(len(layout.blocks)),
            "hidden_dims": self._widths(),
            "likelihood": self._likelihood(layout),
            "corruption": corruption(self.corruption),
            "backbone": self._backbone(layout),
            "channels": tuple(self.channels),
        }
        return self.architecture_class(**settings)

    def _as_drawn(self, data, generator):
        chosen = augmentation(self.augmentation)
        if isinstance(chosen, Binarize) and not isinstance(self.codec_.layout, ImageLayout):
            raise ValueError(
                f"{type(self).__name__}.augmentation='binarize' is for pixels between 0 and 1, and X is a table, whose "
                "booleans are 0 and 1 already: take None"
            )
        return data if chosen is None else Augmented(data, chosen, self.codec_.layout, generator)

    def _latent_dims(self, columns: int) -> tuple[int, ...]:
        """The widths of the parts of the code."""
        raise NotImplementedError

    def _widths(self) -> tuple[int, ...]:
        return tuple(self.hidden_dims)

    def _likelihood(self, layout) -> Likelihood:
        chosen = likelihood(self.likelihood)
        if isinstance(chosen, Bernoulli) and not isinstance(layout, ImageLayout):
            raise ValueError(
                f"{type(self).__name__}.likelihood='bernoulli' is for pixels between 0 and 1, and X is a table: its "
                "booleans have it anyway, for its numbers take another"
            )
        return chosen

    def _backbone(self, layout) -> str:
        if self.backbone == "auto":
            return "conv" if isinstance(layout, ImageLayout) and self.channels else "dense"
        return self.backbone
