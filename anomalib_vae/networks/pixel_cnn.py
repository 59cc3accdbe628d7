"""The network of a PixelCNN: the distribution of each column given those before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Generator, Tensor, nn

from anomalib_vae.codec.batch import Batch, Layout
from anomalib_vae.codec.image import ImageLayout
from anomalib_vae.networks.encoder_decoder import Architecture, EncoderDecoder
from anomalib_vae.networks.masked_convolution import GatedStacks
from anomalib_vae.networks.masked_dense import MaskedMLP
from anomalib_vae.networks.network import Step
from anomalib_vae.networks.rosenblatt import Rosenblatt

AT_ONCE = 64  # images that go through the convolutions together: their maps are large
Choose = Callable[[int, Tensor], Tensor]  # a column and its part of the output, to its targets


class DenseConditionals(nn.Module):
    """A masked dense network over all columns, in the order of the layout."""

    def __init__(self, layout: Layout, architecture: Architecture, generator: Generator):
        super().__init__()
        a, self.blocks = architecture, layout.given_back.blocks
        targets = layout.column_of_target
        inputs = [*targets, *range(len(self.blocks))]
        self.mlp = MaskedMLP(
            a.n_members, inputs, a.hidden_dims, targets, generator, activation=a.activation, dropout=a.dropout
        )
        self.mlp.silence(slice(len(targets), None))

    def forward(self, values: Tensor, missing: Tensor, generator: Generator | None = None) -> Tensor:
        """Values (members, rows, targets) and flags of missing columns, (members, rows, columns), to the parameters of
        the observation, (members, rows, targets)."""
        return self.mlp(torch.cat([values, missing], -1), generator)

    def unroll(self, values: Tensor, choose: Choose) -> Tensor:
        """Fill the values, (members, rows, targets), column by column."""
        missing = values.new_zeros((*values.shape[:-1], len(self.blocks)))
        for column, block in enumerate(self.blocks):
            span = slice(block.start, block.stop)
            values[..., span] = choose(column, self(values, missing)[..., span])
        return values


class ConvolutionalConditionals(nn.Module):
    """Gated masked convolutions over the pixels, and over the channels of each a masked dense network.

    To what the pixels before it tell of a pixel its place adds features of its own, learned as well: convolutions know
    black pixels of the middle and of the border apart only by what lies far around them.
    """

    def __init__(self, layout: ImageLayout, architecture: Architecture, generator: Generator):
        super().__init__()
        a, self.grid = architecture, layout.grid
        depth = self.grid[-1]
        self.stacks = GatedStacks(a.n_members, 2 * depth, a.channels, a.dropout, generator)
        inputs = [MaskedMLP.CONTEXT] * a.channels[-1] + [*range(depth)] * 2
        self.mlp = MaskedMLP(
            a.n_members, inputs, a.hidden_dims, range(depth), generator, activation=a.activation, dropout=a.dropout
        )
        self.place = nn.Parameter(torch.zeros(a.n_members, 1, a.channels[-1], *self.grid[:2]))
        self.stacks.silence(slice(depth, None))
        self.mlp.silence(slice(len(inputs) - depth, None))

    def forward(self, values: Tensor, missing: Tensor, generator: Generator | None = None) -> Tensor:
        cells = torch.stack([values, missing], 2).split(AT_ONCE, 1)
        return torch.cat([self._of_cells(part, generator) for part in cells], 1)

    def _of_cells(self, cells: Tensor, generator: Generator | None) -> Tensor:
        images = cells.unflatten(-1, self.grid).movedim(-1, 3).flatten(2, 3)
        seen = torch.cat([self.stacks(images, generator) + self.place, images], 2).movedim(2, -1)
        return self.mlp(seen.flatten(1, 3), generator).view(*cells.shape[:2], -1)

    def unroll(self, values: Tensor, choose: Choose) -> Tensor:
        height, width, depth = self.grid
        images = values.new_zeros((*values.shape[:2], 2 * depth, height, width))
        for row, column, context in self.stacks.walk(images):
            for channel in range(depth):
                pixel = torch.cat([context + self.place[..., row, column], images[..., row, column]], -1)
                chosen = choose((row * width + column) * depth + channel, self.mlp(pixel)[..., channel, None])
                images[:, :, channel, row, column] = chosen[..., 0]
        return values.copy_(images[:, :, :depth].movedim(2, -1).flatten(2))


class PixelCNNNetwork(EncoderDecoder):
    """p(x) = Π p(xᵢ | x₁ ... xᵢ₋₁), all factors by one pass of masked layers; a code is what the row leaves unexplained
    in each of them (see `Rosenblatt`)."""

    decoder: DenseConditionals | ConvolutionalConditionals

    def build_latents(self, generator):
        self.rosenblatt = Rosenblatt(self.observation)

    def writer(self, generator):
        if self.architecture.backbone == "conv":
            return ConvolutionalConditionals(cast(ImageLayout, self.layout), self.architecture, generator)
        return DenseConditionals(self.layout, self.architecture, generator)

    def conditionals(self, batch: Batch, generator: Generator | None = None) -> Tensor:
        """The parameters of the observation of each column, given those before it: (members, rows, targets)."""
        values = batch.select(self.observation.targets).values
        return self.decoder(values, 1.0 - batch.observed[..., self.inputs.first_feature], generator)

    def loss(self, player: str, batch: Batch, step: Step) -> Tensor:
        a = self.architecture
        seen = a.corruption(batch, self.layout, step.generator) if a.corruption else batch
        objective = self.observation.objective(self.conditionals(seen, step.generator), batch, step.progress)
        return -self.weigh(objective, seen).sum(-1).mean(-1)

    # ------------------------------------------------------------------ use
    def score(self, batch: Batch) -> Tensor:
        """log p(x) of the observed cells, in nats."""
        return self._log_prob(batch).sum(-1)

    def column_scores(self, batch: Batch) -> Tensor:
        """log p(xᵢ | x₁ ... xᵢ₋₁)."""
        return self.observation.by_column(self._log_prob(batch))

    def _log_prob(self, batch: Batch) -> Tensor:
        return self.observation.log_prob(self.conditionals(batch), batch)

    def predictive(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return self.observation.moments(self.conditionals(batch))

    def reconstruct(self, batch: Batch) -> Tensor:
        """The mean of each column given those before it."""
        return self.observation.mean(self.conditionals(batch))

    def encode(self, batch: Batch) -> Tensor:
        return self.rosenblatt.encode(self.conditionals(batch), batch)

    def expect(self, code: Tensor) -> Tensor:
        """The rows with these codes, column by column."""
        values = code.new_zeros((*code.shape[:-1], self.observation.width))
        return self.decoder.unroll(values, self.rosenblatt.decoder(code))

    def generate(self, rows: int, generator: Generator) -> Tensor:
        like = self.observation.raw_log_scale
        shape = (self.n_members, -(-rows // self.n_members), self.code_width)
        drawn = self.expect(self.rosenblatt.noise(like.new_empty(shape), generator))
        return drawn.movedim(0, 1).flatten(0, 1)[:rows]
