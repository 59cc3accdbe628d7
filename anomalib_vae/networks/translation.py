"""What networks share that make images of one set of those of another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar, cast

import torch
from torch import Generator, Tensor

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.image import ImageLayout
from anomalib_vae.codec.labels import apart
from anomalib_vae.losses.adversarial import generator_loss
from anomalib_vae.losses.gaussian import Gaussian
from anomalib_vae.networks.averaging import Averaged
from anomalib_vae.networks.image_backbone import reduced
from anomalib_vae.networks.mlp import MLP
from anomalib_vae.networks.network import Network, Player, Step
from anomalib_vae.networks.observation import Observation
from anomalib_vae.networks.patch_critic import PatchCritic
from anomalib_vae.networks.penalised import PACE, penalised_critic_loss
from anomalib_vae.networks.source_images import SourceImages
from anomalib_vae.networks.symmetries import inverse, symmetry_between
from anomalib_vae.networks.unet import UNet

MOMENTUM = 0.5  # of the translations, which minimise a distance of pixels as well as they play
Images = TypeVar("Images", Batch, ImageLayout)


@dataclass(frozen=True)
class Architecture:
    """The axes on which these networks differ; the models fill it in from their parameters of the same names."""

    hidden_dims: tuple[int, ...] = ()
    n_members: int = 1
    activation: str = "leaky_relu"
    dropout: float = 0.0
    channels: tuple[int, ...] = (16, 32)
    critic_channels: tuple[int, ...] = (16, 32)
    gradient_penalty: float = 1.0
    averaging: float = 0.99


class Way(NamedTuple):
    """A direction: what translates images of a source, what takes them back, and the critic of what is made of them."""

    forth: Averaged
    back: Averaged
    critic: PatchCritic


class TranslationNetwork(Network):
    """Translations of images of A to images of B of the same size and back, and a critic of what each of them makes.

    A batch holds images of A, or with images of B beside them (see `codec.labels.beside`).  A subclass says what a
    critic sees of an image, `judged`, and what a translation minimises beside the critic's verdict, `cost`.
    """

    architecture: Any

    def __init__(self, a: ImageLayout, b: ImageLayout, architecture: Any, generator: Generator):
        super().__init__()
        self.a, self.b, self.architecture, self.n_members = a, b, architecture, architecture.n_members
        self.code_width = b.width
        self.sources = SourceImages(a.width)
        self.forth, self.back = self.translation(a, b, generator), self.translation(b, a, generator)
        self.critic_a, self.critic_b = (self.critic_of(self.judged(*pair), generator) for pair in ((b, a), (a, b)))
        self.observation_a = Observation(a, Gaussian(), self.n_members)

    def translation(self, source: ImageLayout, target: ImageLayout, generator: Generator) -> Averaged:
        a = self.architecture
        few = math.prod(reduced(source, a.channels))
        dense = MLP(a.n_members, few, a.hidden_dims, few, generator, activation=a.activation, dropout=a.dropout)
        network = UNet(
            source, target, a.channels, dense if a.hidden_dims else None, a.n_members, a.activation, generator
        )
        return Averaged(network)

    def critic_of(self, layouts: list[ImageLayout], generator: Generator) -> PatchCritic:
        a = self.architecture
        return PatchCritic(layouts, a.critic_channels, a.n_members, a.activation, generator)

    def apart(self, batch: Batch) -> tuple[Batch, Batch]:
        """The images of A and those of B, of which no pixel is observed where there are none."""
        return apart(batch, self.a.width, self.b.width)

    # ------------------------------------------------------------------ training
    @torch.no_grad()
    def start(self, batch: Batch) -> None:
        """Translations begin as images or as negatives, whichever is as bright as images of the other set, turned or
        mirrored where that makes the mean images of the sets alike; some of these images of A, (rows, pixels), stay."""
        a, b = self.apart(batch)
        self.sources.keep(a)
        bright_a, bright_b = (float(part.values.sum() / part.observed.sum().clamp_min(1.0)) for part in (a, b))
        negative = abs(1.0 - bright_a - bright_b) < abs(bright_a - bright_b)
        mean_a, mean_b = mean_image(a, self.a), mean_image(b, self.b)
        symmetry = symmetry_between(1.0 - mean_a if negative else mean_a, mean_b)
        for translation, its in ((self.forth, symmetry), (self.back, inverse(symmetry))):
            for network in (translation.learner, translation.average):
                cast(UNet, network).start(negative=negative, symmetry=its)

    def translations(self) -> list[Averaged]:
        return [self.forth, self.back]

    def players(self):
        judging = [p for critic in (self.critic_a, self.critic_b) for p in critic.parameters()]
        making = [p for translation in self.translations() for p in translation.learner.parameters()]
        return {
            "critic": Player(judging, pace=PACE, momentum=0.0),
            "generator": Player(making, momentum=MOMENTUM),
        }

    def loss(self, player: str, batch: Batch, step: Step) -> Tensor:
        a, b = self.apart(batch)
        loss = self._critic_loss if player == "critic" else self._generator_loss
        there = loss(Way(self.forth, self.back, self.critic_b), a, b, step)
        return there + loss(Way(self.back, self.forth, self.critic_a), b, a, step)

    def _critic_loss(self, way: Way, source: Batch, target: Batch, step: Step) -> Tensor:
        with torch.no_grad():
            fake = like(way.forth(source, step.generator), target)

        def judge(images: Batch) -> Tensor:
            return self._verdict(way.critic, source, images)

        return penalised_critic_loss(judge, target, fake, self.architecture.gradient_penalty, step.generator)

    def _generator_loss(self, way: Way, source: Batch, target: Batch, step: Step) -> Tensor:
        made = way.forth(source, step.generator)
        verdict = self._verdict(way.critic, source, like(made, target))
        return generator_loss(verdict) + self.cost(way, source, target, made, step)

    def _verdict(self, critic: PatchCritic, source: Batch, images: Batch) -> Tensor:
        return critic(*self.judged(source, images)).flatten(1)

    def judged(self, source: Images, images: Images) -> list[Images]:
        """What a critic sees together: images of its set and, where it knows pairs, what they belong to."""
        raise NotImplementedError

    def cost(self, way: Way, source: Batch, target: Batch, made: Tensor, step: Step) -> Tensor:
        """What a translation minimises beside the critic's verdict on what it made, in nats: (members,)."""
        raise NotImplementedError

    def after_step(self, step):
        for translation in self.translations():
            translation.follow(self.architecture.averaging, step)

    # ------------------------------------------------------------------ use
    def translate(self, batch: Batch) -> Tensor:
        """Of A to B: (members, rows, pixels of B)."""
        return self.forth(self.apart(batch)[0])

    def translate_back(self, batch: Batch) -> Tensor:
        """Of B to A: (members, rows, pixels of B) to (members, rows, pixels of A)."""
        return self.back(batch)

    def reconstruct(self, batch: Batch) -> Tensor:
        """There and back."""
        return self.back(Batch.complete(self.translate(batch)))

    def encode(self, batch: Batch) -> Tensor:
        return self.translate(batch)

    def generate(self, rows: int, generator: Generator) -> Tensor:
        """Translations of images of A that are drawn from some of training: (rows, pixels of B), the members' mean."""
        return self.translate(self.sources.draw(rows, generator).for_members(self.n_members)).mean(0)

    def predictive(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return self.observation_a.moments(self.reconstruct(batch))

    @property
    def observation(self) -> Observation:
        """Of the images that scores are of."""
        return self.observation_a

    def explained(self, batch: Batch) -> tuple[Tensor, Batch]:
        """The images that scores are of, as the network expects them and as they are."""
        return self.reconstruct(batch), self.apart(batch)[0]

    def settle(self, batch: Batch) -> None:
        """Learn the scale of what is left unexplained."""
        self.observation_a.settle_scales(self.reconstruct(batch), self.apart(batch)[0])

    def score(self, batch: Batch) -> Tensor:
        return self.column_scores(batch).sum(-1)

    def column_scores(self, batch: Batch) -> Tensor:
        return self.observation.log_prob(*self.explained(batch))

    @torch.no_grad()
    def blame(self, batch: Batch) -> str:
        shares = -self.column_scores(batch).mean((0, 1))
        return self.observation.layout.columns[int(torch.nan_to_num(shares, nan=torch.inf).argmax())]


def mean_image(images: Batch, layout: ImageLayout) -> Tensor:
    """Of images (rows, pixels) in shades of grey, the pixels that are observed: (height, width)."""
    total, count = images.values.sum(0), images.observed.expand_as(images.values).sum(0)
    return (total / count.clamp_min(1.0)).view(layout.grid).mean(-1)


def like(values: Tensor, real: Batch) -> Batch:
    """Made images with the pixels missing that real ones miss: these shall not give them away."""
    return Batch(values * real.observed, real.observed)


def mean_absolute_error(made: Tensor, real: Batch) -> Tensor:
    """Of the pixels that are observed, (members, rows, pixels) to (members,)."""
    error = ((made - real.values) * real.observed).abs().sum((1, 2))
    return error / real.observed.sum((1, 2)).clamp_min(1.0)
