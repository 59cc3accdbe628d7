"""What is expected in the missing pixels of images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import torch

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.image import ImageLayout
from anomalib_vae.imputing.images.code_search import CodeSearch
from anomalib_vae.imputing.images.local_residuals import local_residuals
from anomalib_vae.losses.corruptions import BlockMask
from anomalib_vae.models import conditional
from anomalib_vae.networks.network import Network

SEARCHED = 128  # images by which the search for codes is judged


class HiddenPixels(NamedTuple):
    """Images of which observed pixels were hidden, to see how they are filled.

    seen: what was left, encoded.  truth: the pixels, and hidden: which were, both (images, pixels).
    """

    seen: Batch
    truth: np.ndarray
    hidden: np.ndarray

    @classmethod
    def of(cls, images: Batch, layout: ImageLayout, rng: np.random.Generator) -> HiddenPixels:
        """Rectangles and single pixels are hidden as `BlockMask` does, and half of the time, where some of the images
        have gaps, the gaps of another image."""
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        seen = BlockMask()(images, layout, generator)
        with_gaps = np.flatnonzero((images.observed == 0).any(1).numpy())
        if len(with_gaps):
            gaps = images.observed[torch.from_numpy(rng.choice(with_gaps, len(images)))] == 0
            heads = torch.from_numpy(rng.random((len(images), 1)) < 0.5)
            observed = torch.where(heads, images.observed * ~gaps, seen.observed)
            seen = images.hide(observed == 0)
        hidden = (images.observed > 0) & (seen.observed == 0)
        return cls(seen, images.values.double().numpy(), hidden.numpy())

    def first(self, count: int) -> HiddenPixels:
        return HiddenPixels(self.seen[:count], self.truth[:count], self.hidden[:count])

    def error(self, expected: np.ndarray) -> float:
        """The mean square of what hidden pixels are off by."""
        return float(np.mean((expected - self.truth)[self.hidden] ** 2)) if self.hidden.any() else 0.0


class Expected(NamedTuple):
    """What is expected of each pixel, and its support, see `local_residuals`; each (images, pixels)."""

    pixels: np.ndarray
    support: np.ndarray


@dataclass(frozen=True)
class PixelFiller:
    """Each pixel gets what the network expects given its image, moved as the observed pixels around it tell.

    A network with a narrow code gives an image back blurred; what it is off by at a pixel's neighbours, it is off by at
    the pixel.  And a network that was never shown an image with gaps takes missing pixels for black ones: for such a
    one `CodeSearch` finds the code, if it is narrower than the image.

    carry: how much of `local_residuals` a missing pixel is off by.  search: None where the network's own reading of
    gaps is better; both as hidden pixels told.
    """

    carry: float = 0.0
    search: CodeSearch | None = None

    @classmethod
    def fit(cls, network: Network, images: Batch, pixels: HiddenPixels, layout: ImageLayout) -> tuple[Self, Expected]:
        """Learn from hidden pixels of the images, and say what is expected of these pixels."""
        plain = cls(search=_search_that_helps(network, images, pixels.first(SEARCHED)))
        expected = plain._by_network(network, pixels.seen)
        nearby, support = _around(expected, pixels.seen, layout)
        known, off = nearby[pixels.hidden], (pixels.truth - expected)[pixels.hidden]
        carry = float(known @ off / max(known @ known, np.finfo(float).tiny))
        filler = cls(carry, plain.search)
        return filler, filler._moved(expected, nearby, support)

    def expect(self, network: Network, images: Batch, layout: ImageLayout) -> Expected:
        expected = self._by_network(network, images)
        return self._moved(expected, *_around(expected, images, layout))

    def state(self) -> dict[str, torch.Tensor]:
        return {"carry": torch.tensor([self.carry], dtype=torch.float64)} | (self.search.state() if self.search else {})

    @classmethod
    def from_state(cls, state: dict[str, torch.Tensor]) -> Self:
        return cls(state["carry"].item(), CodeSearch.from_state(state) if "centre" in state else None)

    def _by_network(self, network: Any, images: Batch) -> np.ndarray:
        return self.search.expected(network, images) if self.search else conditional.expected(network, images)

    def _moved(self, expected: np.ndarray, nearby: np.ndarray, support: np.ndarray) -> Expected:
        return Expected(np.clip(expected + self.carry * nearby, 0.0, 1.0), support)


def _search_that_helps(network: Network, images: Batch, pixels: HiddenPixels) -> CodeSearch | None:
    """None where the network reads gaps better.  A code as wide as an image is not even looked for: whatever is
    observed, it lets missing pixels be anything."""
    if network.code_width >= images.values.shape[1]:
        return None
    search = CodeSearch.fit(network, images)
    read, found = (PixelFiller(search=way)._by_network(network, pixels.seen) for way in (None, search))
    return search if pixels.error(found) < pixels.error(read) else None


def _around(expected: np.ndarray, images: Batch, layout: ImageLayout) -> tuple[np.ndarray, np.ndarray]:
    """See `local_residuals`."""
    return local_residuals(images.values.numpy() - expected, images.observed.numpy() > 0, layout.grid)
