"""The network that learns two translations, there and back, from images that form no pairs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from anomalib_vae.codec.batch import Batch
from anomalib_vae.losses.adversarial import generator_loss
from anomalib_vae.losses.gaussian import Gaussian
from anomalib_vae.networks import translation
from anomalib_vae.networks.averaging import Averaged
from anomalib_vae.networks.network import Step
from anomalib_vae.networks.observation import Observation
from anomalib_vae.networks.patch_critic import PatchCritic
from anomalib_vae.networks.penalised import penalised_critic_loss
from anomalib_vae.networks.translation import TranslationNetwork, like, mean_absolute_error


@dataclass(frozen=True)
class Architecture(translation.Architecture):
    """With the weights of what the way there and back changes, and of what a translation changes in images that are of
    its target already."""

    cycle_weight: float = 10.0
    identity_weight: float = 0.0


class CycleGANNetwork(TranslationNetwork):
    """Translations of A to B and of B to A, and a critic of each set."""

    architecture: Architecture

    def build(self, generator):
        self.forth = self.translation(self.a, self.b, generator)
        self.back = self.translation(self.b, self.a, generator)
        self.critic_a, self.critic_b = (self.critic_of([layout], generator) for layout in (self.a, self.b))
        self.observation = Observation(self.a, Gaussian(), self.n_members)

    def translations(self):
        return [self.forth, self.back]

    def critics(self):
        return [self.critic_a, self.critic_b]

    # ------------------------------------------------------------------ training
    def loss(self, player: str, batch: Batch, step: Step) -> Tensor:
        a, b = self.apart(batch)
        if player == "critic":
            return self._critics_loss(self.critic_b, a, self.forth, b, step) + self._critics_loss(
                self.critic_a, b, self.back, a, step
            )
        return self._generators_loss(a, b, step) + self._generators_loss(b, a, step, reverse=True)

    def _critics_loss(self, critic: PatchCritic, source: Batch, way: Averaged, target: Batch, step: Step) -> Tensor:
        with torch.no_grad():
            fake = like(way(source, step.generator), target)
        weight = self.architecture.gradient_penalty
        return penalised_critic_loss(lambda images: critic(images).flatten(1), target, fake, weight, step.generator)

    def _generators_loss(self, source: Batch, target: Batch, step: Step, *, reverse: bool = False) -> Tensor:
        """Of images of the source: what the critic of the target says of them there, and what comes back."""
        a = self.architecture
        there, back = (self.back, self.forth) if reverse else (self.forth, self.back)
        critic = self.critic_a if reverse else self.critic_b
        made = there(source, step.generator)
        again = back(Batch.complete(made), step.generator)
        loss = generator_loss(critic(like(made, target)).flatten(1))
        loss = loss + a.cycle_weight * mean_absolute_error(again, source)
        if a.identity_weight:
            loss = loss + a.identity_weight * mean_absolute_error(back(source, step.generator), source)
        return loss

    # ------------------------------------------------------------------ use
    def translate(self, batch: Batch) -> Tensor:
        return self.forth(self.apart(batch)[0])

    def translate_back(self, batch: Batch) -> Tensor:
        """Of B to A: (members, rows, pixels of B) to (members, rows, pixels of A)."""
        return self.back(batch)

    def reconstruct(self, batch: Batch) -> Tensor:
        """There and back."""
        return self.back(Batch.complete(self.translate(batch)))

    def explained(self, batch: Batch) -> tuple[Tensor, Batch]:
        return self.reconstruct(batch), self.apart(batch)[0]

    def predictive(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return self.observation.moments(self.reconstruct(batch))
