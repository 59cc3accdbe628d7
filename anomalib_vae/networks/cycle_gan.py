"""The network that learns two translations, there and back, from images that form no pairs."""

from __future__ import annotations

from dataclasses import dataclass

from anomalib_vae.codec.batch import Batch
from anomalib_vae.networks import translation
from anomalib_vae.networks.translation import TranslationNetwork, mean_absolute_error


@dataclass(frozen=True)
class Architecture(translation.Architecture):
    """With the weights of what the way there and back changes, and of what a translation changes in images that are of
    its target already."""

    cycle_weight: float = 10.0
    identity_weight: float = 0.0


class CycleGANNetwork(TranslationNetwork):
    """Each critic sees images of its set alone; what goes there and back shall come back as it was."""

    architecture: Architecture

    def judged(self, source, images):
        return [images]

    def cost(self, way, source, target, made, step):
        a = self.architecture
        cost = a.cycle_weight * mean_absolute_error(way.back(Batch.complete(made), step.generator), source)
        if a.identity_weight:
            cost = cost + a.identity_weight * mean_absolute_error(way.back(source, step.generator), source)
        return cost
