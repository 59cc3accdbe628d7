"""The U-Net: from images to images of the same size."""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import layer_norm, pad

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.image import ImageLayout
from anomalib_vae.networks.growing import as_grid, as_row
from anomalib_vae.networks.image_backbone import STRIDE, WRITE_KERNEL, StackedDeconvolution
from anomalib_vae.networks.layers import ACTIVATIONS
from anomalib_vae.networks.mlp import MLP
from anomalib_vae.networks.stacked_convolution import StackedConvolution, grouped, kernels
from anomalib_vae.networks.symmetries import turned

KERNEL = (3, 3)
FAINT = 0.1  # what maps say of a pixel at first, against the pixel itself
WRITTEN, PADDING = (WRITE_KERNEL, WRITE_KERNEL), WRITE_KERNEL // 2 - 1


class UNet(nn.Module):
    """Convolutions that each halve height and width, transposed ones that each double them, and skip connections: what
    is written at a size is made of what was read at that size, too.

    Ronneberger, Fischer & Brox 2015, "U-Net: convolutional networks for biomedical image segmentation".  What is read
    at full size are the pixels themselves, and flags of those that are missing.  Pixels given back lie between 0 and 1.
    channels: of each size below the full one.  dense: of the smallest maps, to as many numbers, which are added to
    them; by it a pixel may go to another place.
    symmetry: what is done to images before they are read; see `anomalib_vae.networks.symmetries`.
    """

    symmetry: Tensor

    def __init__(
        self,
        source: ImageLayout,
        target: ImageLayout,
        channels: tuple[int, ...],
        dense: MLP | None,
        n_members: int,
        activation: str,
        generator: Generator,
    ):
        super().__init__()
        self.register_buffer("symmetry", torch.tensor(0))
        depth = source.grid[2]
        self.size, self.depth, self.dense = source.grid[:2], depth, dense
        self.activation = ACTIVATIONS[activation]
        pairs = itertools.pairwise([2 * depth, *channels])
        self.down = nn.ModuleList(HalvingConvolution(n_members, a, b, generator) for a, b in pairs)
        silence_flags(self.down[0], depth)
        widths = list(itertools.pairwise([channels[0], *channels]))[::-1]
        self.up = nn.ModuleList(
            StackedDeconvolution(n_members, below if level == 0 else 2 * below, above, generator)
            for level, (above, below) in enumerate(widths)
        )
        self.last = StackedConvolution(n_members, channels[0] + 2 * depth, target.grid[2], KERNEL, generator)

    @torch.no_grad()
    def start(self, *, negative: bool, symmetry: int = 0) -> None:
        """Begin with what a pixel itself says, or its negative, in the place where the symmetry takes it.

        Of all translations that could be undone these are the plainest; where there are no pairs, nothing else tells
        them from one in which, say, strokes and the gaps between them change places.
        """
        self.symmetry.fill_(symmetry)
        written = self.last.weight.shape[2] - 2 * self.depth
        self.last.weight[:, :, :written] *= FAINT
        self.last.weight[:, :, written:] = 0.0
        sign = -1.0 if negative else 1.0
        self.last.weight[:, :, written : written + self.depth, 1, 1] = sign / self.depth
        self.last.bias.fill_(-sign / 2)

    def forward(self, images: Batch, generator: Generator | None = None) -> Tensor:
        """(members, rows, pixels of the source) to (members, rows, pixels of the target)."""
        values = turned(maps_of([images], self.size), int(self.symmetry))
        read = []
        for layer in self.down:
            read.append(values)
            values = self.activation(normalised(layer(values)))
        if self.dense is not None:
            values = values + self.dense(values.flatten(2), generator).view_as(values)
        for layer, skipped in zip(self.up, reversed(read), strict=True):
            height, width = skipped.shape[-2:]
            written = layer(values)[..., :height, :width]
            values = torch.cat([self.activation(normalised(written)), skipped], 2)
        return torch.sigmoid(as_row(self.last(values)))


class HalvingConvolution(nn.Module):
    """What `StackedDeconvolution` takes back: (members, rows, inputs, height, width) to half of the height and width,
    rounded up.  The middle of what it reads is the middle of what that writes: else images would come out shifted,
    which nothing but pairs could tell."""

    def __init__(self, n_members: int, inputs: int, outputs: int, generator: Generator):
        super().__init__()
        self.weight = kernels((n_members, outputs, inputs, *WRITTEN), inputs * math.prod(WRITTEN), generator)
        self.bias = nn.Parameter(torch.zeros(n_members, outputs))

    def forward(self, values: Tensor) -> Tensor:
        height, width = values.shape[-2:]
        even = pad(values, (0, width % STRIDE, 0, height % STRIDE))
        return grouped(nn.functional.conv2d, even, self.weight, self.bias, stride=STRIDE, padding=PADDING)


def silence_flags(layer: Any, depth: int) -> None:
    """Start a layer that reads `maps_of` images of so many channels without effect of their flags, as other backbones
    do."""
    layer.weight.data[:, :, depth:] = 0.0


def normalised(maps: Tensor) -> Tensor:
    """The maps of an image, (..., channels, height, width), with mean 0 and variance 1 (Ba, Kiros & Hinton 2016, "Layer
    normalization"): else what the bias of the last layer can do is learned long before what tells images apart."""
    return layer_norm(maps, maps.shape[-3:])


def maps_of(images: list[Batch], size: tuple[int, int]) -> Tensor:
    """Images of one size, one behind the other, and behind them the flags of their missing pixels: (members, rows, 2 x
    channels, height, width)."""
    values = [as_grid(part.values, size) for part in images]
    missing = [1.0 - as_grid(part.observed, size) for part in images]
    return torch.cat([*values, *missing], 2)
