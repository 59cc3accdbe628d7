"""Images that stay with a translation, for it to translate where none are given."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

from anomalib_vae.codec.batch import Batch

MOST = 256  # that are kept


class SourceImages(nn.Module):
    """Some images of training.

    values, observed: (images, pixels); no images before `keep`.
    """

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

    def _load_from_state_dict(self, state_dict, prefix, *rest):
        """How many there are only the saved state knows."""
        for name in ("values", "observed"):
            setattr(self, name, torch.empty_like(state_dict[prefix + name]))
        super()._load_from_state_dict(state_dict, prefix, *rest)
