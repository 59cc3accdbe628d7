"""The backbones of images that grow: they read and write images of several sizes, and of what lies between two."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from anomalib_vae.codec.batch import Batch
from anomalib_vae.networks.layers import ACTIVATIONS, StackedLinear
from anomalib_vae.networks.mlp import MLP
from anomalib_vae.networks.stacked_convolution import StackedConvolution

SMALLEST = 4  # pixels, of the longer side of the smallest images
KERNEL, POINT = (3, 3), (1, 1)


class GrowingWriter(nn.Module):
    """Codes to images of the size that a stage has.

    stage: s for images of sizes[s]; s + a for images of sizes[s + 1], of which the layers of that size make up the part
    a, and those of sizes[s] with each pixel doubled the rest.
    widths: channels at each size.  first: dense layers that make widths[0] channels of sizes[0].
    """

    def __init__(
        self,
        first: MLP,
        widths: list[int],
        sizes: list[tuple[int, int]],
        depth: int,
        activation: str,
        generator: Generator,
    ):
        super().__init__()
        self.first, self.sizes, self.activation = first, sizes, ACTIVATIONS[activation]
        self.start = (widths[0], *sizes[0])
        pairs, members = itertools.pairwise(widths), _members(first)
        self.layers = nn.ModuleList(StackedConvolution(members, a, b, KERNEL, generator) for a, b in pairs)
        self.to_image = nn.ModuleList(StackedConvolution(members, w, depth, POINT, generator) for w in widths)

    def forward(self, code: Tensor, stage: float, generator: Generator | None = None) -> Tensor:
        """(members, rows, code width) to (members, rows, channels, height, width)."""
        last, share = math.ceil(stage), stage - math.floor(stage)
        values = self.activation(self.first(code, generator).unflatten(-1, self.start))
        before = values
        for size, layer in zip(self.sizes[1 : last + 1], self.layers, strict=False):
            before, values = values, self.activation(layer(doubled(values, size)))
        image = self.to_image[last](values)
        return torch.lerp(doubled(self.to_image[last - 1](before), self.sizes[last]), image, share) if share else image


class GrowingReader(nn.Module):
    """The way back: images of a stage's size, and flags of their missing pixels, to the features of dense layers."""

    def __init__(
        self,
        last: MLP,
        widths: list[int],
        sizes: list[tuple[int, int]],
        depth: int,
        activation: str,
        generator: Generator,
    ):
        super().__init__()
        self.last, self.sizes, self.depth, self.activation = last, sizes, depth, ACTIVATIONS[activation]
        members = _members(last)
        self.width: int = last.width
        pairs = itertools.pairwise(widths)
        self.layers = nn.ModuleList(StackedConvolution(members, b, a, KERNEL, generator) for a, b in pairs)
        readers = [StackedConvolution(members, 2 * depth, width, POINT, generator) for width in widths]
        self.from_image = nn.ModuleList(readers)
        for layer in readers:
            layer.weight.data[:, :, depth:] = 0.0  # flags start without effect, as in other backbones

    def forward(self, targets: Batch, stage: float) -> Tensor:
        size, share = math.ceil(stage), stage - math.floor(stage)
        image = torch.cat([as_grid(part, self.sizes[size]) for part in (targets.values, 1.0 - targets.observed)], 2)
        values = self.activation(self.from_image[size](image))
        for above in range(size, 0, -1):
            values = halved(self.activation(self.layers[above - 1](values)))
            if share and above == size:
                values = torch.lerp(self.activation(self.from_image[above - 1](halved(image))), values, share)
        return self.last(values.flatten(2))


def sizes_of(height: int, width: int) -> list[tuple[int, int]]:
    """The smallest size first; each of the others is twice as large, or a pixel less."""
    sizes = [(height, width)]
    while max(sizes[0]) > SMALLEST:
        sizes.insert(0, (-(-sizes[0][0] // 2), -(-sizes[0][1] // 2)))
    return sizes


def shrunk(images: Batch, sizes: list[tuple[int, int]], size: int) -> Batch:
    """Images of the largest size, (members, rows, pixels), at another: means of the pixels that are not missing."""
    values, observed = (as_grid(part, sizes[-1]) for part in (images.values, images.observed))
    for _ in range(len(sizes) - 1 - size):
        share = halved(observed)
        values, observed = halved(values * observed) / share.clamp_min(torch.finfo(share.dtype).tiny), share.ceil()
    return Batch(as_row(values), as_row(observed))


def as_grid(rows: Tensor, size: tuple[int, int]) -> Tensor:
    """(members, rows, pixels), the channels of a pixel side by side, to (members, rows, channels, height, width)."""
    return rows.unflatten(-1, (*size, -1)).movedim(-1, -3)


def as_row(images: Tensor) -> Tensor:
    return images.movedim(-3, -1).flatten(2)


def halved(images: Tensor) -> Tensor:
    """Each four pixels become their mean; at an odd edge those that there are."""
    pooled = avg_pool2d(images.flatten(0, 1), 2, ceil_mode=True, count_include_pad=False)
    return pooled.unflatten(0, images.shape[:2])


def doubled(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Each pixel becomes four, as far as the size goes."""
    large = interpolate(images.flatten(0, 1), scale_factor=2, mode="nearest")
    return large[..., : size[0], : size[1]].unflatten(0, images.shape[:2])


def _members(dense: MLP) -> int:
    return next(layer for layer in dense.modules() if isinstance(layer, StackedLinear)).weight.shape[0]
