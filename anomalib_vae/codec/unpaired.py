"""Rows of two sets that form no pairs, as training draws them together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Generator

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.labels import beside


@dataclass(frozen=True)
class Unpaired:
    """Rows of a, each with one of b beside it: a different one, drawn by the generator, whenever it is asked for.

    generator: None gives each row the same one each time.
    """

    a: Batch
    b: Batch
    generator: Generator | None = None

    def __len__(self) -> int:
        return len(self.a)

    def to(self, *args, **kwargs) -> Unpaired:
        return replace(self, a=self.a.to(*args, **kwargs), b=self.b.to(*args, **kwargs))

    def take(self, rows) -> Unpaired:
        """Some of the rows of a, with all of b, to be trained on."""
        return replace(self, a=self.a.take(rows))

    def __getitem__(self, rows) -> Batch:
        a = self.a[rows]
        shape = a.values.shape[:-1]
        if self.generator is None:
            chosen = torch.arange(shape.numel(), device=a.values.device).view(shape) % len(self.b)
        else:
            chosen = torch.randint(len(self.b), shape, generator=self.generator, device=self.generator.device)
        return beside(a, self.b[chosen])
