"""Convolutions in which each pixel reads only the pixels before it, row after row."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import cast

import torch
from torch import Generator, Tensor, nn

from anomalib_vae.networks.layers import dropout
from anomalib_vae.networks.stacked_convolution import StackedConvolution

FIRST_KERNEL, KERNEL = 7, 3  # pixels, of the first layer and of those after it
DILATIONS = (1, 2, 4, 8)  # of these in turn: four read 15 pixels in every direction


class CausalConvolution(StackedConvolution):
    """One convolution a member that reads no row below and, if it reads but one row, no column to the right.

    It takes maps (rows, members x inputs, height, width) to (rows, members x outputs, height, width).
    """

    def __init__(
        self, n_members: int, inputs: int, outputs: int, kernel: tuple[int, int], dilation: int, generator: Generator
    ):
        super().__init__(n_members, inputs, outputs, kernel, generator)
        self.dilation = dilation
        height, width = ((size - 1) * dilation for size in kernel)
        self.sides = (width, 0) if height == 0 else (width // 2, width // 2)
        self.above = height

    def forward(self, maps: Tensor) -> Tensor:
        return self._over(nn.functional.pad(maps, (*self.sides, self.above, 0)), self.dilation)

    def of_rows(self, maps: Tensor) -> Tensor:
        """One row of `forward`, of maps that hold no other rows than it is computed from."""
        return self._over(nn.functional.pad(maps, self.sides), 1)

    def of_columns(self, maps: Tensor) -> Tensor:
        """One pixel of `forward`, (rows, members x outputs), of maps (rows, members x inputs, columns) that hold no
        other pixels than it is computed from."""
        found = torch.einsum("rmic,moic->rmo", maps.unflatten(1, (len(self.weight), -1)), self.weight.squeeze(-2))
        return (found + self.bias).flatten(1)

    def _over(self, padded: Tensor, down: int) -> Tensor:
        weight, bias = self.weight.flatten(0, 1), self.bias.flatten()
        steps = (down, self.dilation)
        return nn.functional.conv2d(padded, weight, bias, dilation=steps, groups=len(self.weight))


class GatedLayer(nn.Module):
    """One layer of two stacks: the vertical one reads the rows above, the horizontal one also the own to the left.

    van den Oord et al. 2016, "Conditional image generation with PixelCNN decoders": together they have no blind spot.
    Each gives tanh(a) σ(b) of the two halves of what its convolution finds, and adds it to what it read where that is
    as wide.  dilation: the distance of the pixels that a kernel reads (Yu & Koltun 2016).
    """

    def __init__(
        self, n_members: int, inputs: int, outputs: int, kernel: int, dilation: int, rate: float, generator: Generator
    ):
        super().__init__()

        def convolution(read: int, height: int, width: int) -> CausalConvolution:
            return CausalConvolution(n_members, read, 2 * outputs, (height, width), dilation, generator)

        self.n_members, self.dilation, self.rate, self.residual = n_members, dilation, rate, inputs == outputs
        self.reach = kernel // 2 * dilation
        self.vertical = convolution(inputs, kernel // 2 + 1, kernel)
        self.horizontal = convolution(inputs, 1, kernel // 2 + 1)
        self.link = convolution(outputs, 1, 1)

    def forward(self, above: Tensor, left: Tensor, generator: Generator | None) -> tuple[Tensor, Tensor]:
        """The next maps of both stacks."""
        above = self._add(above, self.vertical(above), generator)
        return above, self._add(left, self.horizontal(left) + self.link(above), generator)

    def next_row(self, above: Tensor) -> Tensor:
        """One row of the vertical stack, of the rows that it is computed from."""
        return self._add(above[..., -1:, :], self.vertical.of_rows(above))

    def next_pixel(self, left: Tensor, linked: Tensor) -> Tensor:
        """One pixel of the horizontal stack, of the pixels that it is computed from, and of what the link finds."""
        return self._add(left[..., -1], self.horizontal.of_columns(left) + linked)

    def _add(self, read: Tensor, found: Tensor, generator: Generator | None = None) -> Tensor:
        content, gate = found.unflatten(1, (self.n_members, 2, -1)).unbind(2)
        gated = dropout((torch.tanh(content) * torch.sigmoid(gate)).flatten(1, 2), self.rate, generator)
        return read + gated if self.residual else gated


class GatedStacks(nn.Module):
    """Images (members, rows, inputs, height, width) to what the pixels before it tell of each pixel, (members, rows,
    features, height, width).

    channels: the features of each layer.
    """

    def __init__(self, n_members: int, inputs: int, channels: tuple[int, ...], rate: float, generator: Generator):
        super().__init__()
        self.n_members, self.widths = n_members, (inputs, *channels)
        layers = []
        for i, (read, given) in enumerate(itertools.pairwise(self.widths)):
            kernel, dilation = (KERNEL, DILATIONS[(i - 1) % len(DILATIONS)]) if i else (FIRST_KERNEL, 1)
            layers.append(GatedLayer(n_members, read, given, kernel, dilation, rate, generator))
        self.layers = cast(list[GatedLayer], nn.ModuleList(layers))

    def silence(self, inputs: slice) -> None:
        """Start with these inputs without effect."""
        first = self.layers[0]
        for convolution in (first.vertical, first.horizontal):
            convolution.weight.data[:, :, inputs] = 0.0

    def forward(self, images: Tensor, generator: Generator | None = None) -> Tensor:
        maps = side_by_side(images)
        # a row lower and a column further: where a layer reads a pixel's own place it does not find the pixel itself
        above, left = nn.functional.pad(maps, (0, 0, 1, -1)), nn.functional.pad(maps, (1, -1))
        for layer in self.layers:
            above, left = layer(above, left, generator)
        return self._by_member(left)

    def walk(self, images: Tensor) -> Iterator[tuple[int, int, Tensor]]:
        """Row and column of each pixel in turn, and what `forward` finds there, (members, rows, features).

        A pixel is read once the next one is asked for: whoever walks may set it until then.  Nothing is computed twice.
        """
        height, width = images.shape[-2:]
        margin = max(layer.reach for layer in self.layers)  # of zeros, above and to the left
        above = self._blank(images, margin + height, width)
        for row in range(margin, margin + height):
            if row > margin:
                above[0][..., row, :] = side_by_side(images[..., row - margin - 1, :])
            linked = [self._link(i, above, row) for i in range(len(self.layers))]
            left = [maps[..., 0, :] for maps in self._blank(images, 1, margin + width)]
            for column in range(margin, margin + width):
                if column > margin:
                    left[0][..., column] = side_by_side(images[..., row - margin, column - margin - 1])
                for i, layer in enumerate(self.layers):
                    read = left[i][..., column - layer.reach : column + 1 : layer.dilation]
                    left[i + 1][..., column] = layer.next_pixel(read, linked[i][..., column - margin])
                yield row - margin, column - margin, self._by_member(left[-1][..., column])

    def _link(self, i: int, above: list[Tensor], row: int) -> Tensor:
        """Fill a row of the vertical stack's map after one layer, and tell the horizontal one."""
        layer = self.layers[i]
        found = layer.next_row(above[i][..., row - layer.reach : row + 1 : layer.dilation, :])
        above[i + 1][..., row : row + 1, :] = found
        return layer.link(found)[..., 0, :]

    def _blank(self, images: Tensor, height: int, width: int) -> list[Tensor]:
        """Maps of nothing yet: what the first layer reads, and what each of them gives."""
        rows = images.shape[1]
        return [images.new_zeros(rows, self.n_members * features, height, width) for features in self.widths]

    def _by_member(self, maps: Tensor) -> Tensor:
        return maps.unflatten(1, (self.n_members, -1)).movedim(1, 0)


def side_by_side(maps: Tensor) -> Tensor:
    """(members, rows, features, ...) to (rows, members x features, ...)."""
    return maps.movedim(0, 1).flatten(1, 2)
