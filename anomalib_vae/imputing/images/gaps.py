"""The missing pixels of a stack of images, and the stack with predicted pixels in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from anomalib_vae.codec.image import ImageCodec
from anomalib_vae.imputing.completion import Numbers, bounds

OF_COLUMNS = {
    "only": None,
    "exclude": None,
    "bounds": None,
    "delta": None,
    "add_indicator": False,
    "keep_empty_features": "missing",
}


def refuse_wishes(imputer: Any) -> None:
    """Raise ValueError for parameters that speak of the columns of a table."""
    for name, default in OF_COLUMNS.items():
        if getattr(imputer, name) not in (default, (), {}):
            raise ValueError(
                f"VAEImputer.{name} speaks of columns, and X is a stack of images: leave it at {default!r}"
            )
    if isinstance(imputer.missing_values, str):
        raise ValueError(
            f"VAEImputer.missing_values must be the number of a missing pixel where X is a stack of images, got "
            f"{imputer.missing_values!r}"
        )


@dataclass(frozen=True)
class ImageGaps:
    """The missing pixels of the images X, an array of shape (n, height, width) or (n, height, width, channels).

    seen: X as the model reads it, missing pixels NaN.  codec: turns targets, (images, pixels), into pixels.
    whole: whether pixels are whole numbers though X and the images of training are floats.
    """

    X: np.ndarray
    seen: np.ndarray
    codec: ImageCodec
    whole: bool = False

    @cached_property
    def missing(self) -> np.ndarray:
        """Shaped as X."""
        return np.isnan(self.seen) if self.seen.dtype.kind == "f" else np.zeros(self.seen.shape, bool)

    @cached_property
    def predicted(self) -> np.ndarray:
        """The positions of the images that need a prediction: those with missing pixels, or the first, as models take
        one image at least."""
        incomplete = np.flatnonzero(self.missing.reshape(len(self.X), -1).any(axis=1))
        return incomplete if len(incomplete) else np.arange(1)

    def intervals(self, cells: Numbers, level: float) -> dict[str, np.ndarray]:
        """See `VAEImputer.intervals`; cells: of the predicted images."""
        return {part: self._spread_out(targets) for part, targets in bounds(cells, level).items()}

    def filled(self, targets: np.ndarray) -> np.ndarray:
        """X with predicted targets, (predicted images, pixels), in its gaps; every other pixel is untouched."""
        found, at = self.X.copy(), self.predicted
        found[at] = np.where(self.missing[at], self._in_dtype(self.codec.decode(targets)), self.X[at])
        return found

    def _spread_out(self, targets: np.ndarray) -> np.ndarray:
        """Targets, (predicted images, pixels), as float64 pixels in the shape of X, NaN where one was observed."""
        found, at = np.full(self.X.shape, np.nan), self.predicted
        found[at] = np.where(self.missing[at], self.codec.decode(targets), np.nan)
        return found

    def _in_dtype(self, pixels: np.ndarray) -> np.ndarray:
        dtype = self.X.dtype
        if self.whole or dtype.kind in "iu":
            pixels = np.rint(pixels)
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            pixels = np.clip(pixels, limits.min, limits.max)
        return pixels.astype(dtype)
