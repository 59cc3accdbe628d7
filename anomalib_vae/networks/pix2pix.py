"""The network that learns a translation from pairs of images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from anomalib_vae.codec.batch import Batch
from anomalib_vae.losses.adversarial import generator_loss
from anomalib_vae.losses.gaussian import Gaussian
from anomalib_vae.networks import translation
from anomalib_vae.networks.network import Step
from anomalib_vae.networks.observation import Observation
from anomalib_vae.networks.penalised import penalised_critic_loss
from anomalib_vae.networks.translation import TranslationNetwork, like, mean_absolute_error


@dataclass(frozen=True)
class Architecture(translation.Architecture):
    """With the weight of the pixels' absolute error against the critic's verdict."""

    pixel_weight: float = 100.0


class Pix2PixNetwork(TranslationNetwork):
    """A translation of A to B, and a critic of pairs (A, B)."""

    architecture: Architecture

    def build(self, generator):
        self.forth = self.translation(self.a, self.b, generator)
        self.critic = self.critic_of([self.a, self.b], generator)
        self.observation = Observation(self.b, Gaussian(), self.n_members)

    def translations(self):
        return [self.forth]

    def critics(self):
        return [self.critic]

    # ------------------------------------------------------------------ training
    def loss(self, player: str, batch: Batch, step: Step) -> Tensor:
        a, b = self.apart(batch)

        def judge(images: Batch) -> Tensor:
            return self.critic(a, images).flatten(1)

        if player == "critic":
            with torch.no_grad():
                fake = like(self.forth(a, step.generator), b)
            return penalised_critic_loss(judge, b, fake, self.architecture.gradient_penalty, step.generator)
        made = self.forth(a, step.generator)
        return generator_loss(judge(like(made, b))) + self.architecture.pixel_weight * mean_absolute_error(made, b)

    @torch.no_grad()
    def validation_loss(self, batch: Batch) -> Tensor:
        """The pixels' absolute error of the averaged translation."""
        a, b = self.apart(batch)
        return mean_absolute_error(self.forth.average(a), b)

    # ------------------------------------------------------------------ use
    def translate(self, batch: Batch) -> Tensor:
        return self.forth(self.apart(batch)[0])

    def explained(self, batch: Batch) -> tuple[Tensor, Batch]:
        a, b = self.apart(batch)
        return self.forth(a), b

    def column_scores(self, batch: Batch) -> Tensor:
        """log p(b | translation of a) of each pixel of B; without images of B, each pixel's share of the critic's mean
        logit of (a, translation of a), in which it has the verdict on its patch."""
        if batch.values.shape[-1] > self.a.width:
            return super().column_scores(batch)
        made = self.forth(batch)
        *size, depth = self.b.grid
        verdicts = interpolate(self.critic(batch, Batch.complete(made)), tuple(size), mode="nearest")
        return verdicts.flatten(2).repeat_interleave(depth, -1) / self.b.width
