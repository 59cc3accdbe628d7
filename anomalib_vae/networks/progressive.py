"""The network of a GAN of images that grow."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.image import ImageLayout
from anomalib_vae.networks.gan import GANNetwork
from anomalib_vae.networks.growing import GrowingReader, GrowingWriter, as_row, doubled, shrunk, sizes_of
from anomalib_vae.networks.layers import StackedLinear

LAST_STAGE = 0.5  # of the training, at full size; the other stages share the rest
FADE = 0.5  # of a stage, in which its layers come in


class GrowingCritic(nn.Module):
    """As `Critic`, of images of the size that a stage has."""

    def __init__(self, reader: GrowingReader, head: StackedLinear):
        super().__init__()
        self.reader, self.head = reader, head

    def forward(self, targets: Batch, stage: float) -> Tensor:
        return self.head(self.reader(targets, stage))


class ProgressiveNetwork(GANNetwork):
    """A GAN that learns small images first, and twice as many pixels each way in every further stage.

    The layers of a new stage come in gradually: at first its images are those of the stage before, with pixels doubled.
    stage: 0 for the smallest images; see `GrowingWriter` for what lies between two.
    """

    layout: ImageLayout
    stage: Tensor

    def build_latents(self, generator):
        height, width, self.depth = self.layout.grid
        self.sizes = sizes_of(height, width)
        self.register_buffer("stage", torch.tensor(len(self.sizes) - 1.0))
        super().build_latents(generator)

    @property
    def widths(self) -> list[int]:
        """Channels of each size, the last of the architecture's for the smallest."""
        channels = self.architecture.channels
        return [channels[max(0, len(channels) - 1 - i)] for i in range(len(self.sizes))]

    def writer(self, generator):
        a, widths = self.architecture, self.widths
        first = self.mlp(self.code_width, a.hidden_dims[::-1], widths[0] * math.prod(self.sizes[0]), generator)
        return GrowingWriter(first, widths, self.sizes, self.depth, a.activation, generator)

    def build_critic(self, outputs, generator):
        a, widths = self.architecture, self.widths
        last = self.mlp(widths[0] * math.prod(self.sizes[0]), a.hidden_dims, None, generator)
        reader = GrowingReader(last, widths, self.sizes, self.depth, a.activation, generator)
        return GrowingCritic(reader, StackedLinear(self.n_members, reader.width, outputs, generator))

    # ------------------------------------------------------------------ training
    def loss(self, player, batch, step):
        self.stage.fill_(stage_at(step.progress, len(self.sizes)))
        return super().loss(player, batch, step)

    def real(self, batch):
        return self._at_stage(super().real(batch))

    def generator_output(self, code, generator=None):
        images = self.decoder(code, float(self.stage), generator)
        if not self.training:  # in use images have all pixels, whatever stage an interrupted training has reached
            for size in self.sizes[math.ceil(float(self.stage)) + 1 :]:
                images = doubled(images, size)
        return as_row(images)

    def verdicts(self, targets):
        return self.critic(targets, float(self.stage))

    def _at_stage(self, targets: Batch) -> Batch:
        return shrunk(targets, self.sizes, math.ceil(float(self.stage)))

    # ------------------------------------------------------------------ use
    def features(self, targets):
        return self.critic.reader(self._at_stage(targets), float(self.stage))


def stage_at(progress: float, stages: int) -> float:
    """The stage at which a training is: a new one comes in over the first part of its time, and then stands."""
    growing = (1.0 - LAST_STAGE) / max(stages - 1, 1)
    stage = min(int(progress / growing), stages - 1) if stages > 1 else 0
    begun = progress - stage * growing
    lasts = LAST_STAGE if stage == stages - 1 else growing
    return float(stage) if stage == 0 else stage - 1 + min(1.0, max(begun / (FADE * lasts), 1e-3))
