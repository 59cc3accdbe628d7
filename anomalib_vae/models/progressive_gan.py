"""The progressive generative adversarial network."""

from __future__ import annotations

from anomalib_vae.models.gan import GAN
from anomalib_vae.networks.progressive import ProgressiveNetwork
from anomalib_vae.parameters import parameter


class ProgressiveGAN(GAN):
    """A GAN that learns images of 4 x 4 pixels first, then of 8 x 8, and so on up to all of their pixels.

    Karras, Aila, Laine & Lehtinen 2018, "Progressive growing of GANs for improved quality, stability, and variation":
    the layers of each further size fade in.  Half of the training is at full size.  Images of other sizes are halved
    until no side is longer than 4 pixels: those of 28 x 28 begin with 4 x 4, 7 x 7 and 14 x 14.  Critic, averages and
    `score_samples` are those of `GAN`.  It takes images only.

    channels: from the largest images to the smallest; where there are more sizes, the first of them again.
    """

    backbone: str = parameter(default="conv", options=("conv",), doc="What reads and writes.")

    channels = (16, 32, 64)
    takes_tables = False
    network_class = ProgressiveNetwork
