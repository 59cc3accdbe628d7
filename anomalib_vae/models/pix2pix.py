"""Pix2Pix."""

from __future__ import annotations

from anomalib_vae.codec.labels import LabelledRows, beside
from anomalib_vae.models.translator import Translator
from anomalib_vae.networks.pix2pix import Architecture, Pix2PixNetwork
from anomalib_vae.parameters import parameter


class Pix2Pix(Translator):
    """Pix2Pix: learns from pairs, `fit(A, B)`, which image of B belongs to an image of A.

    Isola, Zhu, Zhou & Efros 2017, "Image-to-image translation with conditional adversarial networks": a U-Net is to
    come close to B in each pixel (L1) and to pass before a critic that sees A, and B or its translation, patch by
    patch.  Another pair of them learns the way from B to A beside it; the two share nothing.  The critics are penalised
    (R1), have their own pace, and the translations in use are averages: see `GAN`.

    `score_samples(A, B)` is log p(B | translation of A), a Gaussian of the scale that training left over, in nats: low
    where B is not what belongs to A.  Without B it is the critic's mean log-odds that A and its translation are a pair
    of training.  `column_scores` has their parts by pixels of B; a verdict is shared by the pixels of its patch.
    Of held-out pairs, `validation_fraction`, the absolute error of the pixels is watched, of both ways together.
    """

    pixel_weight: float = parameter(default=100.0, at_least=0.0, doc="Of the pixels' absolute error, in nats.")

    auto_steps = 800
    network_class = Pix2PixNetwork
    architecture_class = Architecture

    def _together(self, a, b):
        if len(a) != len(b):
            raise ValueError(f"y must hold the image that belongs to each of the {len(a)} of X, got {len(b)} images")
        return beside(a, b)

    def _scored(self, X, y):
        rows = self.rows(X)
        if y is None:
            return rows
        images = self._rows_of_b(y)
        if len(images) != len(rows):
            raise ValueError(f"y must hold the image that belongs to each of the {len(rows)} of X, got {len(images)}")
        return LabelledRows(rows, images[:])

    @property
    def _scored_codec(self):
        return self.target_codec_
