"""The convolutional backbone for images."""

from __future__ import annotations

import itertools

import torch
from torch import Generator, Tensor, nn

from anomalib_vae.codec.image import ImageLayout
from anomalib_vae.networks.layers import ACTIVATIONS, StackedLinear
from anomalib_vae.networks.mlp import MLP
from anomalib_vae.networks.stacked_convolution import StackedConvolution, grouped, kernels

READ_KERNEL, WRITE_KERNEL = 3, 4  # pixels, in both directions; a multiple of the stride writes no checkerboards
STRIDE = 2


class StackedDeconvolution(nn.Module):
    """One transposed convolution a member, which doubles height and width: (members, rows, inputs, height, width) to
    (members, rows, outputs, 2 x height, 2 x width)."""

    def __init__(self, n_members: int, inputs: int, outputs: int, generator: Generator):
        super().__init__()
        taps = (WRITE_KERNEL // STRIDE) ** 2  # of the kernel, that meet in a pixel
        self.weight = kernels((n_members, inputs, outputs, WRITE_KERNEL, WRITE_KERNEL), inputs * taps, generator)
        self.bias = nn.Parameter(torch.zeros(n_members, outputs))

    def forward(self, values: Tensor) -> Tensor:
        padding = WRITE_KERNEL // 2 - 1
        return grouped(nn.functional.conv_transpose2d, values, self.weight, self.bias, stride=STRIDE, padding=padding)


class ImageReader(nn.Module):
    """Convolutions that each halve height and width, then dense layers, made for the pixels that are left.

    It reads features and their missing-flags, (members, rows, 2 x pixels), as twice as many channels.
    """

    def __init__(
        self,
        layout: ImageLayout,
        n_members: int,
        channels: tuple[int, ...],
        activation: str,
        dense: MLP,
        generator: Generator,
    ):
        super().__init__()
        self.grid, self.activation = layout.grid, ACTIVATIONS[activation]
        depth = self.grid[-1]
        widths = itertools.pairwise([2 * depth, *channels])
        kernel = (READ_KERNEL, READ_KERNEL)
        layers = [StackedConvolution(n_members, a, b, kernel, generator, stride=STRIDE) for a, b in widths]
        layers[0].weight.data[:, :, depth:] = 0.0  # flags start without effect, as in the dense backbone
        self.layers, self.dense, self.width = nn.ModuleList(layers), dense, dense.width

    @property
    def head(self) -> StackedLinear | None:
        """The dense layers' own."""
        return self.dense.head

    def forward(self, inputs: Tensor, generator: Generator | None = None) -> Tensor:
        values = inputs.unflatten(-1, (2, *self.grid)).movedim(-1, -3).flatten(2, 3)
        for layer in self.layers:
            values = self.activation(layer(values))
        return self.dense(values.flatten(2), generator)


class ImageWriter(nn.Module):
    """The way back: dense layers, then transposed convolutions that each double height and width."""

    def __init__(
        self,
        layout: ImageLayout,
        n_members: int,
        channels: tuple[int, ...],
        activation: str,
        dense: MLP,
        generator: Generator,
    ):
        super().__init__()
        self.grid, self.few, self.activation = layout.grid, reduced(layout, channels), ACTIVATIONS[activation]
        self.dense = dense
        widths = itertools.pairwise([*channels[::-1], self.grid[-1]])
        self.layers = nn.ModuleList(StackedDeconvolution(n_members, a, b, generator) for a, b in widths)

    def forward(self, code: Tensor, generator: Generator | None = None) -> Tensor:
        values = self.dense(code, generator).unflatten(-1, self.few)
        for layer in self.layers:
            values = layer(self.activation(values))
        height, width, _ = self.grid
        return values[..., :height, :width].movedim(-3, -1).flatten(2)


def reduced(layout: ImageLayout, channels: tuple[int, ...]) -> tuple[int, int, int]:
    """What the convolutions leave of an image: channels, height and width."""
    height, width, _ = layout.grid
    for _ in channels:
        height, width = (height + 1) // 2, (width + 1) // 2
    return channels[-1], height, width
