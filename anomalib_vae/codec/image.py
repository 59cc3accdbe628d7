"""The codec for images: a stack of equally large ones, to a Batch with a feature for each pixel, and back."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from anomalib_vae.codec.batch import Batch, Block, Layout, Rows

BEYOND = 1.0  # ranges: a pixel further outside the range of training tells no more than that it is far
ENOUGH = 2048  # images to know the spread of pixels by
SMALLEST_SPREAD = 0.05  # of pixels: what training starts from shall not be sure of anything


def is_images(X: Any) -> bool:
    """Whether X is a stack of images: an array of shape (n, height, width) or (n, height, width, channels)."""
    return getattr(X, "ndim", 0) in (3, 4)


@dataclass(frozen=True)
class ImageLayout(Layout):
    """The features of an image, row after row, the channels of a pixel side by side.

    shape: (height, width) or (height, width, channels).  spread: standard deviation of all pixels in training, as
    features have it.
    """

    shape: tuple[int, ...]
    spread: float

    @classmethod
    def of(cls, shape: tuple[int, ...], spread: float) -> ImageLayout:
        places = itertools.product(*map(range, shape))
        names = ["pixel_" + "_".join(map(str, place)) for place in places]
        return cls(tuple(Block(name, "real", i, i + 1, 1) for i, name in enumerate(names)), shape, spread)

    @property
    def grid(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        height, width, *channels = self.shape
        return height, width, channels[0] if channels else 1

    @property
    def given_back(self) -> ImageLayout:
        return self

    @cached_property
    def scales(self) -> list[int]:
        """All pixels have one scale (Rybkin, Daniilidis & Levine 2021, "Simple and effective VAE training with
        calibrated decoders"): one of its own would make the least change of a dark corner the largest of surprises."""
        return [0] * len(self.blocks)

    @property
    def start_scale(self) -> float:
        return max(self.spread, SMALLEST_SPREAD)

    def extremes(self, deviations: float) -> tuple[float, float]:
        """Black and white, however many standard deviations away."""
        return 0.0, 1.0


class ImageCodec:
    """Pixels scaled to [0, 1]; NaN is a missing pixel, `observed = 0`.

    uint8 is divided by 255, booleans are 0 and 1, floats that lie in [0, 1] stay what they are, and other numbers are
    scaled by the range seen in training.  Where later pixels lie outside it they are so at most by the range once more.
    """

    template = None  # there is no frame to be like

    def __init__(self, shape: tuple[int, ...], dtype: str, low: float, high: float, spread: float):
        self.shape, self.dtype, self.low, self.high, self.spread = tuple(shape), np.dtype(dtype), low, high, spread
        self.layout = ImageLayout.of(self.shape, spread)

    @classmethod
    def fit(cls, X) -> ImageCodec:
        """Raises ValueError for images without a pixel, without any observed one, or with infinite ones, TypeError for
        what is no number."""
        images = _numbers(X)
        if 0 in images.shape:
            raise ValueError(f"X must hold at least one image of at least one pixel, got the shape {images.shape}")
        codec = cls(images.shape[1:], images.dtype.str, *_range(images), spread=0.0)
        return cls(codec.shape, images.dtype.str, codec.low, codec.high, codec._spread_of(images))

    @property
    def names(self) -> list[str]:
        """Of the pixels, such as pixel_3_4 or, with channels, pixel_3_4_0."""
        return self.layout.columns

    def encode(self, X) -> Batch:
        """Batch of float32 tensors, (images, pixels).  Raises ValueError for images of another shape."""
        return self.rows(X)[:]

    def rows(self, X) -> Rows:
        """The same images, checked; they are encoded where they are asked for."""
        images = _numbers(X)
        if images.shape[1:] != self.shape:
            expected = ", ".join(map(str, ("n", *self.shape)))
            raise ValueError(f"X must be images of the shape ({expected}) as in training, got {images.shape}")
        return _Unencoded(self, images)

    def encode_images(self, images: np.ndarray) -> Batch:
        """`encode` of images that have been checked."""
        exact: type[np.floating] = np.float32 if images.dtype.itemsize <= 4 else np.float64
        pixels: np.ndarray = images.reshape(len(images), math.prod(self.shape)).astype(exact)
        values = ((pixels - self.low) / (self.high - self.low)).astype(np.float32, copy=False)
        observed = ~np.isnan(values)
        np.clip(values, -BEYOND, 1 + BEYOND, out=values)
        if observed.all():
            return Batch.complete(torch.from_numpy(values))
        values[~observed] = 0.0
        return Batch(torch.from_numpy(values), torch.from_numpy(observed.astype(np.float32)))

    def decode(self, targets: np.ndarray, *, clip: bool = True, index_of=None) -> np.ndarray:
        """Targets (images, pixels) as an array of the training's shape and dtype, whole numbers rounded.

        clip: keep pixels inside the range of training; whole numbers always are.  index_of: images have no index.
        """
        values = np.asarray(targets, np.float64) * (self.high - self.low) + self.low
        whole = self.dtype.kind in "biu"
        values = np.clip(values, self.low, self.high) if clip or whole else values
        return self.as_images(np.rint(values) if whole else values).astype(self.dtype)

    def as_images(self, values: np.ndarray) -> np.ndarray:
        """A number for each pixel, (images, pixels), in the shape of the images."""
        return values.reshape(len(values), *self.shape)

    def to_json(self) -> dict:
        return {
            "shape": list(self.shape),
            "dtype": self.dtype.str,
            "low": self.low,
            "high": self.high,
            "spread": self.spread,
        }

    @classmethod
    def from_json(cls, state: dict) -> ImageCodec:
        return cls(**state)

    def _spread_of(self, images: np.ndarray) -> float:
        some = images[:: -(-len(images) // ENOUGH)].astype(np.float64)
        return 0.0 if np.isnan(some).all() else float(np.nanstd(some)) / (self.high - self.low)


@dataclass(frozen=True)
class _Unencoded:
    """Images as the caller holds them."""

    codec: ImageCodec
    images: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows) -> Batch:
        rows = rows.cpu().numpy() if isinstance(rows, torch.Tensor) else rows
        return self.codec.encode_images(self.images[rows])


def _numbers(X) -> np.ndarray:
    images = np.asarray(X)
    if images.dtype.kind not in "biuf":
        raise TypeError(f"images must hold numbers, got an array of {images.dtype}: convert it with astype(float)")
    if images.dtype.kind == "f" and np.isinf(images).any():
        raise ValueError("images must not hold infinite pixels: replace them by NaN, which is a missing pixel")
    return images


def _range(images: np.ndarray) -> tuple[float, float]:
    """What becomes 0 and 1."""
    if images.dtype == np.uint8:
        return 0.0, 255.0
    if np.isnan(images).all():
        raise ValueError("X holds no observed pixel: all are NaN")
    low, high = float(np.nanmin(images)), float(np.nanmax(images))
    if low >= 0.0 and high <= 1.0:
        return 0.0, 1.0
    return low, high if high > low else low + 1.0
