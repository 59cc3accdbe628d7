"""The network that learns two translations, there and back, from pairs of images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from anomalib_vae.codec.batch import Batch
from anomalib_vae.losses.gaussian import Gaussian
from anomalib_vae.networks import translation
from anomalib_vae.networks.observation import Observation
from anomalib_vae.networks.translation import TranslationNetwork, mean_absolute_error


@dataclass(frozen=True)
class Architecture(translation.Architecture):
    """With the weight of the pixels' absolute error against the critic's verdict."""

    pixel_weight: float = 100.0


class Pix2PixNetwork(TranslationNetwork):
    """Each critic sees pairs; a translation shall come close to the image that belongs to its source.

    Scores are of B given A, with a scale of their own."""

    architecture: Architecture

    def __init__(self, a, b, architecture, generator):
        super().__init__(a, b, architecture, generator)
        self.observation_b = Observation(b, Gaussian(), self.n_members)

    def judged(self, source, images):
        return [source, images]

    def cost(self, way, source, target, made, step):
        return self.architecture.pixel_weight * mean_absolute_error(made, target)

    @torch.no_grad()
    def validation_loss(self, batch: Batch) -> Tensor:
        """The pixels' absolute error of the averaged translations, the sum of both ways."""
        a, b = self.apart(batch)
        return mean_absolute_error(self.forth.average(a), b) + mean_absolute_error(self.back.average(b), a)

    # ------------------------------------------------------------------ use
    @property
    def observation(self):
        return self.observation_b

    def explained(self, batch):
        a, b = self.apart(batch)
        return self.forth(a), b

    def settle(self, batch):
        super().settle(batch)
        self.observation_b.settle_scales(*self.explained(batch))

    def column_scores(self, batch: Batch) -> Tensor:
        """log p(b | translation of a) of each pixel of B; without images of B, each pixel's share of the critic's mean
        logit of (a, translation of a), in which it has the verdict on its patch."""
        if batch.values.shape[-1] > self.a.width:
            return super().column_scores(batch)
        made = Batch.complete(self.forth(batch))
        *size, depth = self.b.grid
        verdicts = interpolate(self.critic_b(*self.judged(batch, made)), tuple(size), mode="nearest")
        return verdicts.flatten(2).repeat_interleave(depth, -1) / self.b.width
