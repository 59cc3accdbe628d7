"""The cycle-consistent generative adversarial network."""

from __future__ import annotations

from anomalib_vae.codec.unpaired import Unpaired
from anomalib_vae.models.translator import Translator
from anomalib_vae.networks.cycle_gan import Architecture, CycleGANNetwork
from anomalib_vae.parameters import parameter


class CycleGAN(Translator):
    """CycleGAN: learns the ways between two sets of images, `fit(A, B)`, that form no pairs and may differ in number.

    Zhu, Park, Isola & Efros 2017, "Unpaired image-to-image translation using cycle-consistent adversarial networks":
    a critic of each set judges, patch by patch, what a U-Net makes of images of the other; what goes there and back
    shall come back as it was (L1).  No pair says which image of B belongs to one of A: both sets should show the same
    things.  The critics are penalised (R1), have their own pace, and the translations in use are averages: see `GAN`.
    In each pass over A its images meet others of B.

    `score_samples(A)` is log p(A | A there and back), a Gaussian of the scale that training left over, in nats, and
    `column_scores` its parts by pixels of A; both ignore y.  validation_fraction must be 0: no held-out loss tells
    which epoch translates best.
    """

    cycle_weight: float = parameter(default=10.0, at_least=0.0, doc="Of the absolute error there and back, in nats.")
    identity_weight: float = parameter(
        default=0.0,
        at_least=0.0,
        doc="Of what a translation changes, in nats, in images of its own target; needs as many channels in A and B.",
    )

    critic_channels = (32, 64)
    gradient_penalty = 0.01
    auto_steps = 3000
    network_class = CycleGANNetwork
    architecture_class = Architecture

    def _together(self, a, b):
        return Unpaired(a, b)

    def _as_drawn(self, data, generator):
        return Unpaired(data.a, data.b, generator)

    def _build(self, layout, generator):
        if self.validation_fraction:
            raise ValueError(
                f"CycleGAN.validation_fraction must be 0, got {self.validation_fraction!r}: without pairs no held-out "
                "loss tells which epoch translates best"
            )
        channels = layout.grid[2], self.target_codec_.layout.grid[2]
        if self.identity_weight and channels[0] != channels[1]:
            raise ValueError(
                f"CycleGAN.identity_weight must be 0 where the images of A and B differ in channels, {channels[0]} and "
                f"{channels[1]}, got {self.identity_weight!r}"
            )
        return super()._build(layout, generator)

    def _scored(self, X, y):
        return self.rows(X)

    @property
    def _scored_codec(self):
        return self.codec_
