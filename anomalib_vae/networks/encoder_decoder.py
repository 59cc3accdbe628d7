"""What networks with an encoder and a decoder share, whatever lies between the two."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Generator, Tensor, nn

from anomalib_vae.codec.batch import Batch, Layout
from anomalib_vae.codec.image import ImageLayout
from anomalib_vae.losses.corruptions import Corruption
from anomalib_vae.losses.gaussian import Gaussian
from anomalib_vae.losses.likelihood import Likelihood
from anomalib_vae.networks.image_backbone import ImageReader, ImageWriter, reduced
from anomalib_vae.networks.inputs import Inputs
from anomalib_vae.networks.mlp import MLP
from anomalib_vae.networks.network import Network
from anomalib_vae.networks.observation import Observation


@dataclass(frozen=True)
class Architecture:
    """The axes on which these networks differ; the models fill it in from their parameters of the same names."""

    latent_dims: tuple[int, ...]
    hidden_dims: tuple[int, ...] = (128, 128)
    n_members: int = 1
    activation: str = "silu"
    dropout: float = 0.0
    n_bins: int = 0
    likelihood: Likelihood = field(default_factory=Gaussian)
    corruption: Corruption | None = None
    seen_weight: float = 1.0
    backbone: str = "dense"
    channels: tuple[int, ...] = (16, 32)


class EncoderDecoder(Network):
    """An encoder that reads the inputs, and a decoder that gives an observation's parameters of codes.

    Both are made of the backbone that the architecture names: "dense" takes an image as the row of a table, "conv"
    reads and writes it by convolutions, with the dense layers between these and the code.
    """

    layout: Layout
    mlp_class: type[MLP] = MLP

    def __init__(self, layout: Layout, architecture, generator: Generator):
        super().__init__()
        self.layout, self.architecture, self.n_members = layout, architecture, architecture.n_members
        self.inputs = Inputs(layout, architecture.n_bins)
        self.observation = Observation(layout, architecture.likelihood, self.n_members)
        self.code_width = sum(architecture.latent_dims)
        self.build_latents(generator)
        self.decoder = self.writer(generator)

    def build_latents(self, generator: Generator) -> None:
        """Make what turns inputs into codes."""
        raise NotImplementedError

    def reader(self, outputs: int | None, generator: Generator) -> nn.Module:
        """What reads the inputs: (members, rows, inputs) to (members, rows, outputs), or to as many as its `width`."""
        return self.reader_of(self.inputs, outputs, generator)

    def reader_of(self, inputs: Inputs, outputs: int | None, generator: Generator) -> nn.Module:
        """`reader` of other inputs."""
        a = self.architecture
        if a.backbone == "conv":
            layout = cast(ImageLayout, self.layout)
            dense = self.mlp(math.prod(reduced(layout, a.channels)), a.hidden_dims, outputs, generator)
            return ImageReader(layout, a.n_members, a.channels, a.activation, dense, generator)
        reader = self.mlp(inputs.width, a.hidden_dims, outputs, generator)
        # the missing-flag of a column that is complete in training never learns: it shall have no effect later either
        reader.silence(inputs.flags)
        return reader

    def writer(self, generator: Generator) -> nn.Module:
        """What makes the observation's parameters of codes."""
        a = self.architecture
        if a.backbone == "conv":
            layout = cast(ImageLayout, self.layout)
            dense = self.mlp(self.code_width, a.hidden_dims[::-1], math.prod(reduced(layout, a.channels)), generator)
            return ImageWriter(layout, a.n_members, a.channels, a.activation, dense, generator)
        return self.mlp(self.code_width, a.hidden_dims[::-1], self.observation.width, generator)

    def mlp(self, inputs: int, hidden_dims: tuple[int, ...], outputs: int | None, generator: Generator) -> MLP:
        a = self.architecture
        return self.mlp_class(
            a.n_members, inputs, hidden_dims, outputs, generator, activation=a.activation, dropout=a.dropout
        )

    def decode(self, code: Tensor, generator: Generator | None = None) -> Tensor:
        """Codes (members, rows, code width) to the parameters of the observation, (members, rows, targets)."""
        return self.decoder(code, generator)

    def spoil(self, batch: Batch, generator: Generator) -> Batch:
        """What the encoder is to read of training rows, by the architecture's corruption."""
        return self.architecture.corruption(batch, self.layout, generator)

    def weigh(self, objective: Tensor, seen: Batch) -> Tensor:
        """What training maximises of each target, those that a corruption left in `seen` weighed against hidden
        ones."""
        a = self.architecture
        if a.corruption and a.seen_weight != 1.0:
            left = seen.observed.index_select(-1, self.observation.targets) > 0
            return torch.where(left, a.seen_weight * objective, objective)
        return objective

    @torch.no_grad()
    def validation_loss(self, batch: Batch) -> Tensor:
        return -self.score(batch).mean(-1)

    @torch.no_grad()
    def blame(self, batch: Batch) -> str:
        shares = -self.column_scores(batch).mean((0, 1))
        return self.layout.columns[int(torch.nan_to_num(shares, nan=torch.inf).argmax())]

    def expect(self, code: Tensor) -> Tensor:
        return self.observation.mean(self.decode(code))
