"""What a denoising model hides or spoils in its input: each corruption takes a batch and gives a spoiled copy.

Vincent et al. 2010, "Stacked denoising autoencoders".  A missing cell stays missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Generator, Tensor

from anomalib_vae.codec.batch import Batch, Layout
from anomalib_vae.codec.image import ImageLayout


class Corruption(Protocol):
    """A batch and what its features mean, to a spoiled copy; chance comes from the generator."""

    def __call__(self, batch: Batch, layout: Layout, generator: Generator) -> Batch: ...


@dataclass(frozen=True)
class Mask:
    """Hide cells as if they were missing, each row at a rate of its own drawn between `low` and `high`."""

    low: float = 0.0
    high: float = 0.6

    def __call__(self, batch, layout, generator):
        return batch.hide(self.hidden(_uniform_of(batch, generator), layout))

    def hidden(self, uniform: Callable[[int], Tensor], layout: Layout) -> Tensor:
        """Which features are, (..., rows, features); uniform: numbers from 0 to 1, so many for each row."""
        rate = self.low + (self.high - self.low) * uniform(1)
        return _by_feature(uniform(len(layout.blocks)) < rate, layout)


@dataclass(frozen=True)
class BlockMask:
    """Hide a rectangle of one half of the images as if it were missing, and single pixels of the other half.

    A model that fills regions must have seen regions hidden (Pathak et al. 2016, "Context encoders: feature learning by
    inpainting"): what it learns of single pixels is to look at their neighbours.  Cells of a table are hidden as by
    `Mask`.

    smallest, largest: height and width of a rectangle, drawn between these shares of the image's; all its channels are
    hidden.  rate: at most, of single pixels, each image's drawn from 0 to it.
    """

    smallest: float = 0.2
    largest: float = 1.0
    rate: float = 0.6

    def __call__(self, batch, layout, generator):
        uniform = _uniform_of(batch, generator)
        single = Mask(0.0, self.rate).hidden(uniform, layout)
        if not isinstance(layout, ImageLayout):
            return batch.hide(single)
        height, width, channels = layout.grid
        rows, columns = self._stretch(height, uniform), self._stretch(width, uniform)
        block = (rows[..., :, None] & columns[..., None, :]).flatten(-2).repeat_interleave(channels, -1)
        return batch.hide(torch.where(uniform(1) < 0.5, single, block))

    def _stretch(self, pixels: int, uniform: Callable[[int], Tensor]) -> Tensor:
        """A part of the pixels in a line, for each row: (..., rows, pixels) of bool."""
        share = self.smallest + (self.largest - self.smallest) * uniform(1)
        start = (1.0 - share) * uniform(1)
        middle = (torch.arange(pixels, device=share.device) + 0.5) / pixels
        return (start <= middle) & (middle < start + share)


@dataclass(frozen=True)
class GaussianNoise:
    """Add noise to the real features; scale in standard deviations of the column, in images of the range from black
    to white."""

    scale: float = 0.2

    def __call__(self, batch, layout, generator):
        values, real = batch.values.clone(), layout.span("real")
        noise = torch.randn(values[..., real].shape, generator=generator, device=values.device, dtype=values.dtype)
        values[..., real] += self.scale * noise * batch.observed[..., real]
        return Batch(values, batch.observed)


@dataclass(frozen=True)
class SaltAndPepper:
    """Replace a share of the cells: numbers by one of two extremes, booleans by 0 or 1, labels by any level.

    extreme: how many standard deviations from the mean salt and pepper lie; in images they are white and black.
    """

    rate: float = 0.1
    extreme: float = 3.0

    def __call__(self, batch, layout, generator):
        uniform = _uniform_of(batch, generator)
        spoiled = _by_feature(uniform(len(layout.blocks)) < self.rate, layout) & (batch.observed > 0)
        coin = _by_feature(uniform(len(layout.blocks)) < 0.5, layout)
        pepper, salt = layout.extremes(self.extreme)
        other = torch.where(coin, salt, pepper).to(batch.values.dtype)
        other[..., layout.span("binary")] = coin[..., layout.span("binary")].to(other.dtype)
        for block in layout.of_kind("category"):
            level = uniform(block.width).argmax(-1)
            other[..., block.start : block.stop] = torch.nn.functional.one_hot(level, block.width).to(other.dtype)
        return Batch(torch.where(spoiled, other, batch.values), batch.observed)


def _by_feature(columns: Tensor, layout: Layout) -> Tensor:
    """What holds of columns, (..., columns), for each of their features."""
    return columns.index_select(-1, torch.tensor(layout.column_of_feature, device=columns.device))


def _uniform_of(batch: Batch, generator: Generator) -> Callable[[int], Tensor]:
    def uniform(width: int) -> Tensor:
        return torch.rand((*batch.values.shape[:-1], width), generator=generator, device=batch.values.device)

    return uniform
