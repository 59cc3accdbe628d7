"""Images that stay with a translation, for it to translate where none are given."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from anomalib_vae.codec.batch import Batch
from anomalib_vae.networks.kept_rows import KeptRows

MOST = 256  # that are kept


class SourceImages(KeptRows):
    """Some images of training.

    values, observed: (images, pixels); no images before `keep`.
    """

    kept = ("values", "observed")
    values: Tensor
    observed: Tensor

    def __init__(self, pixels: int):
        super().__init__()
        for name in ("values", "observed"):
            self.register_buffer(name, torch.zeros(0, pixels))

    def keep(self, images: Batch) -> None:
        """Take MOST of them, (images, pixels), as far apart as they come: images may be in the order of their kinds."""
        some = images[torch.linspace(0, len(images) - 1, min(MOST, len(images))).long()]
        self.values, self.observed = some.values.clone(), some.observed.clone()

    def draw(self, count: int, generator: Generator) -> Batch:
        """So many of them, with replacement: (count, pixels)."""
        chosen = torch.randint(len(self.values), (count,), generator=generator, device=self.values.device)
        return Batch(self.values[chosen], self.observed[chosen])
