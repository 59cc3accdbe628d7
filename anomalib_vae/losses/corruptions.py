"""What a denoising model hides or spoils in its input: each corruption takes a batch and gives a spoiled copy.

Vincent et al. 2010, "Stacked denoising autoencoders".  A missing cell stays missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Generator, Tensor

from anomalib_vae.codec.batch import Batch, Layout


class Corruption(Protocol):
    """A batch and what its features mean, to a spoiled copy; chance comes from the generator."""

    def __call__(self, batch: Batch, layout: Layout, generator: Generator) -> Batch: ...


@dataclass(frozen=True)
class Mask:
    """Hide cells as if they were missing, each row at a rate of its own drawn between `low` and `high`."""

    low: float = 0.0
    high: float = 0.6

    def __call__(self, batch, layout, generator):
        uniform = _uniform_of(batch, generator)
        rate = self.low + (self.high - self.low) * uniform(1)
        hidden = (uniform(len(layout.blocks)) < rate)[..., layout.column_of_feature]
        return batch.hide(hidden)


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
        spoiled = (uniform(len(layout.blocks)) < self.rate)[..., layout.column_of_feature] & (batch.observed > 0)
        coin = (uniform(len(layout.blocks)) < 0.5)[..., layout.column_of_feature]
        pepper, salt = layout.extremes(self.extreme)
        other = torch.where(coin, salt, pepper).to(batch.values.dtype)
        other[..., layout.span("binary")] = coin[..., layout.span("binary")].to(other.dtype)
        for block in layout.of_kind("category"):
            level = uniform(block.width).argmax(-1)
            other[..., block.start : block.stop] = torch.nn.functional.one_hot(level, block.width).to(other.dtype)
        return Batch(torch.where(spoiled, other, batch.values), batch.observed)


def _uniform_of(batch: Batch, generator: Generator):
    def uniform(width: int) -> Tensor:
        return torch.rand((*batch.values.shape[:-1], width), generator=generator, device=batch.values.device)

    return uniform
