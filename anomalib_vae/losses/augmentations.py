"""What is done to training rows each time they are drawn, to what the network reads and what it gives back alike.

A corruption spoils the input alone; an augmentation makes another row, as likely as the one it was made of.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Generator

from anomalib_vae.codec.batch import Batch, Layout


class Augmentation(Protocol):
    """A batch and what its features mean, to rows made of it; chance comes from the generator.  A missing cell stays
    missing."""

    def __call__(self, batch: Batch, layout: Layout, generator: Generator) -> Batch: ...


@dataclass(frozen=True)
class Binarize:
    """Each pixel between 0 and 1 becomes 1 with that probability, and 0 otherwise.

    Drawn anew each time this is the dynamic binarisation of Salakhutdinov & Murray 2008, "On the quantitative analysis
    of deep belief networks", and Burda, Grosse & Salakhutdinov 2016, under which likelihoods of MNIST are reported.
    """

    def __call__(self, batch, layout, generator):
        values, real = batch.values.clone(), layout.span("real")
        chance = values[..., real]
        uniform = torch.rand(chance.shape, generator=generator, device=chance.device, dtype=chance.dtype)
        values[..., real] = (uniform < chance).to(chance.dtype)  # never where missing, which is 0
        return Batch(values, batch.observed)


@dataclass(frozen=True)
class Augmented:
    """Rows that are augmented whenever some of them are asked for."""

    rows: Batch
    augmentation: Augmentation
    layout: Layout
    generator: Generator

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, rows) -> Augmented:
        return replace(self, rows=self.rows.take(rows))

    def __getitem__(self, rows) -> Batch:
        return self.augmentation(self.rows[rows], self.layout, self.generator)
