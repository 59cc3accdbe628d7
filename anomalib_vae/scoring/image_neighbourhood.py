"""How far an image is from those of training, in its edges and in its colours."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.image import ImageCodec
from anomalib_vae.scoring.image_space import ImageSpace
from anomalib_vae.scoring.spread import center_and_spread

MAX_REFERENCES = 3000  # training images that are kept to measure distances from
FAR_SHARE = 0.1  # of them: those farthest from the others, which may be anomalies themselves, do not count
NEAREST = 10  # of them, that span the plane which an image is measured from
RIDGE = 3.0  # mean squared lengths of these: keeps the plane from reaching far beyond them
AGAINST_MODEL = (9.0, 3.0)  # interquartile ranges of the model's score that one counts: of edges, of colours
TINY = 1e-6  # added to the penalty: most images may be copies
SAME = 1e-12  # a squared distance, against 1 + the image's squared length, of images that are the same
CHUNK = 256  # images at once


@dataclass(frozen=True)
class ImageView:
    """Reference images in one view, and how far from them images usually are.

    references: (references, features).  center, spread: (), median and interquartile range of their distances.
    """

    references: Tensor
    center: Tensor
    spread: Tensor

    @classmethod
    def fit(cls, references: Tensor) -> ImageView:
        nothing = references.new_zeros(())
        view = cls(references, nothing, nothing + 1)
        center, spread = center_and_spread(view.distances(references))
        return replace(view, center=center, spread=spread)

    def excess(self, images: Tensor) -> Tensor:
        """Distances less their median, in interquartile ranges, (rows,); 0 where there is nothing to compare."""
        return torch.nan_to_num((self.distances(images) - self.center) / self.spread)

    def distances(self, images: Tensor) -> Tensor:
        """Of images in this view, (rows, features), to the plane of the nearest references: (rows,), NaN where there is
        no other image.

        The plane goes through the mean of the NEAREST, along what they differ by, with a penalty on how far one goes
        (Vincent & Bengio 2001, "K-local hyperplane and convex distance nearest neighbor algorithms"): what lies between
        known images is near.  One reference that is the same as the image is left out, for it may be the image itself.
        """
        if len(self.references) < 2:
            return images.new_full((len(images),), torch.nan)
        return torch.cat([self._to_plane(part, self.references[self._nearest(part)]) for part in images.split(CHUNK)])

    def _nearest(self, images: Tensor) -> Tensor:
        """Which references are the nearest, (rows, NEAREST), less where there are fewer."""
        lengths = images.square().sum(1, keepdim=True)
        squares = torch.addmm(lengths + self._lengths, images, self.references.T, alpha=-2)
        count = min(NEAREST + 1, len(self.references))
        found = squares.topk(count, 1, largest=False)
        is_same = found.values[:, :1] <= SAME * (1 + lengths)
        return torch.where(is_same, found.indices[:, 1:], found.indices[:, :-1])

    @staticmethod
    def _to_plane(images: Tensor, near: Tensor) -> Tensor:
        """near: (rows, nearest, features)."""
        middle = near.mean(1, keepdim=True)
        spokes, offset = near - middle, images[:, None] - middle
        products = spokes @ spokes.mT
        penalty = RIDGE * products.diagonal(dim1=1, dim2=2).mean(1) + TINY
        penalised = products + penalty[:, None, None] * torch.eye(near.shape[1], dtype=near.dtype)
        weights = torch.linalg.solve(penalised, spokes @ offset.mT)
        return (offset - weights.mT @ spokes)[:, 0].norm(dim=1)

    @cached_property
    def _lengths(self) -> Tensor:
        return self.references.square().sum(1)


@dataclass(frozen=True)
class ImageNeighbourhood:
    """Distances to training images in their edges and in their colours, each scaled, in nats.

    Pixels side by side are a poor measure of images: a line that moves by its own width differs in all of its pixels.
    In the right space the nearest training images are hard to beat (Bergman, Cohen & Hoshen 2020, "Deep nearest
    neighbor anomaly detection"), and edges, pooled over a neighbourhood, are one that needs no training.  References
    far from the others do not count, so that anomalies among the training images seldom vouch for others.

    nats: (2,), what one interquartile range of a distance counts in each view.
    """

    space: ImageSpace
    views: tuple[ImageView, ...]
    nats: Tensor

    @classmethod
    def around(cls, model: Any, X: Any, weight: float) -> ImageNeighbourhood | None:
        """Of the images X that a model was fitted to; None where weight is 0."""
        if not weight:
            return None
        rows = model.rows(X)
        rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[:MAX_REFERENCES].numpy()]
        _, spread = center_and_spread(torch.from_numpy(model.score_batch(rows)))
        nats = weight * spread * torch.tensor(AGAINST_MODEL, dtype=torch.float64)
        return cls.of_references(model.data_space(rows), model.codec_.layout.grid, nats)

    @classmethod
    def of_references(cls, images: Batch, grid: tuple[int, int, int], nats: Tensor) -> ImageNeighbourhood:
        """images: pixels, (references, pixels)."""
        space = ImageSpace.fit(images, grid)
        all_of_them = space(images)
        every = cls(space, tuple(map(ImageView.fit, all_of_them)), nats)
        kept = every._remoteness(all_of_them).argsort()[: math.ceil((1 - FAR_SHARE) * len(images))]
        return cls(space, tuple(ImageView.fit(view[kept]) for view in all_of_them), nats)

    def remoteness(self, rows: Batch) -> np.ndarray:
        """The distances less their medians, in interquartile ranges, as nats, summed over the views: (rows,)."""
        return self._remoteness(self.space(rows)).numpy()

    def _remoteness(self, seen: tuple[Tensor, ...]) -> Tensor:
        """seen: of each view, (rows, features)."""
        excess = [view.excess(images) for view, images in zip(self.views, seen, strict=True)]
        return torch.stack(excess, 1) @ self.nats

    def state(self) -> dict[str, Tensor]:
        """Tensors by name, of which `from_state` makes it."""
        found = {"nats": self.nats} | {field.name: getattr(self.space, field.name) for field in fields(ImageSpace)}
        for i, view in enumerate(self.views):
            found |= {f"{i}.{field.name}": getattr(view, field.name) for field in fields(ImageView)}
        return found

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> ImageNeighbourhood:
        space = ImageSpace(**{field.name: state[field.name] for field in fields(ImageSpace)})
        views = [ImageView(*(state[f"{i}.{field.name}"] for field in fields(ImageView))) for i in range(2)]
        return cls(space, tuple(views), state["nats"])


def is_of_images(model: Any) -> bool:
    """Whether a fitted model reads images, in which case its distances are those of here."""
    return isinstance(getattr(model, "codec_", None), ImageCodec) and hasattr(model, "data_space")
