"""What tells an imputer what may stand in the missing pixels of images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from scipy.special import ndtr
from sklearn.exceptions import NotFittedError

from anomalib_vae.codec.batch import Batch, Rows
from anomalib_vae.imputing.completion import NOT_CALIBRATED
from anomalib_vae.imputing.images.calibration import PixelCalibration
from anomalib_vae.imputing.images.filler import HiddenPixels, PixelFiller

REHEARSED = 1024  # images in which pixels are hidden


@dataclass(frozen=True)
class PixelCells:
    """What stands in the pixels of images; see `uncertain_cells.UncertainCells`.

    prediction, support: see `filler.Expected`.
    """

    prediction: np.ndarray
    support: np.ndarray
    calibration: PixelCalibration

    def bound(self, share: float) -> np.ndarray:
        """Targets below which a pixel lies with that probability, (images, pixels)."""
        return self.prediction + self.calibration.quantile(share, self.prediction, self.support)

    def draws(self, m: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Targets m times, each (images, pixels): the prediction and residuals of hidden pixels' sizes, which hang
        together as those of hidden pixels did."""
        for _ in range(m):
            rank = ndtr(self.calibration.noise.draw(len(self.prediction), rng))
            yield self.prediction + self.calibration.quantile(rank, self.prediction, self.support)


class ImageCompletion:
    """Each missing pixel gets what `PixelFiller` expects given the observed ones of its image.

    filler, calibration: learned from observed pixels that are hidden for it, the latter None in an imputer that was
    never fitted.
    """

    def __init__(self, model: Any, filler: PixelFiller | None = None, calibration: PixelCalibration | None = None):
        self.model, self.codec = model, model.codec_
        self.filler, self.calibration = filler or PixelFiller(), calibration

    @classmethod
    def fit(cls, model: Any, trained: Any, held_out: Any, rng: np.random.Generator) -> Self:
        """trained: the images that the model was fitted to; held_out: others, or None, that tell better how far
        predictions are off."""
        images = trained if held_out is None else held_out
        some, layout = model.encode(images[np.sort(rng.permutation(len(images))[:REHEARSED])]), model.codec_.layout
        pixels = HiddenPixels.of(some, layout, rng)
        filler, expected = PixelFiller.fit(model.network_, some, pixels, layout)
        residuals = pixels.truth - expected.pixels
        return cls(model, filler, PixelCalibration.fit(residuals, *expected, pixels.hidden, layout.grid))

    @classmethod
    def from_state(cls, model: Any, state: dict[str, torch.Tensor] | None) -> Self:
        if state is None:
            return cls(model)
        return cls(model, PixelFiller.from_state(state), PixelCalibration.from_state(state))

    def state(self) -> dict[str, torch.Tensor]:
        return {} if self.calibration is None else self.filler.state() | self.calibration.state()

    def read(self, X: Any) -> Rows:
        return self.model.rows(X)

    def expected(self, rows: Batch) -> np.ndarray:
        return self.filler.expect(self.model.network_, rows, self.codec.layout).pixels

    def cells(self, rows: Batch) -> PixelCells:
        if self.calibration is None:
            raise NotFittedError(NOT_CALIBRATED)
        return PixelCells(*self.filler.expect(self.model.network_, rows, self.codec.layout), self.calibration)
