"""How far the windows of a time series are from those of training, at several lengths."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.series import PARTS
from anomalib_vae.codec.windows import Windows
from anomalib_vae.models.chunks import CHUNK, WINDOWS, by_parts
from anomalib_vae.scoring.one_step import OneStep
from anomalib_vae.scoring.recognition import Training
from anomalib_vae.scoring.spread import center_and_spread
from anomalib_vae.scoring.window_space import WindowSpace

VIEWS = ((16, False), (64, True), (128, False))  # steps, and whether each sensor's mean is taken away
LEAST_WINDOWS = 4  # of the longest segment: a view is no longer than that part of it
MAX_REFERENCES = 3000
NEAREST = 3  # references whose mean distance counts
AGAINST_MODEL = 10.0  # interquartile ranges of the model's score that one of a distance counts


@dataclass(frozen=True)
class WindowView:
    """Reference windows of one length.

    space: what windows are measured in.  references: (references, axes) in it; rests: (references,), the squared
    lengths of what it leaves out of them.  places: (references,), where in training they began.
    center, spread: (), median and interquartile range of the references' distances.
    """

    space: WindowSpace
    references: Tensor
    rests: Tensor
    places: Tensor
    center: Tensor
    spread: Tensor

    @classmethod
    def fit(cls, windows: Windows, places: np.ndarray, is_shape: bool, generator: torch.Generator) -> WindowView:
        """windows: all of training; places: (windows,)."""
        chosen = torch.randperm(len(windows), generator=generator)[:MAX_REFERENCES].sort().values
        batch, own = windows[chosen], torch.from_numpy(places)[chosen]
        space = WindowSpace.fit(batch, windows.layout, is_shape, own, generator)
        references, lengths = space(batch)
        rests = (lengths - references.square().sum(1)).clamp_min(0.0)
        nothing = torch.zeros((), dtype=torch.float64)
        view = cls(space, references, rests, own, nothing, nothing + 1)
        center, spread = center_and_spread(torch.from_numpy(view.distances(batch, own)))
        return replace(view, center=center, spread=spread)

    def excess(self, placed: tuple[Batch, Tensor]) -> np.ndarray:
        """Distances less their median, in interquartile ranges, (windows,); 0 where there is nothing to compare.

        placed: windows, and where in training each began, (windows,); references that overlap it do not count."""
        distances = self.distances(*placed)
        return np.where(np.isnan(distances), 0.0, (distances - self.center.item()) / self.spread.item())

    def distances(self, windows: Batch, own: Tensor) -> np.ndarray:
        """The mean of those to the nearest references, (windows,), NaN where there is none."""
        if len(windows) <= CHUNK:
            return self._distances(windows, own)
        parts = (slice(at, at + CHUNK) for at in range(0, len(windows), CHUNK))
        return np.concatenate([self._distances(windows[part], own[part]) for part in parts])

    def _distances(self, windows: Batch, own: Tensor) -> np.ndarray:
        axes, lengths = self.space(windows)
        squares = torch.addmm(self.squared_lengths, axes, self.by_axis, alpha=-2)
        length = self.space.layout.length
        is_own = own.max() > self.first_place - length  # else no window is of training
        if is_own:
            squares.masked_fill_((own[:, None] - self.places).abs() < length, torch.inf)
        nearest = squares.topk(min(NEAREST, squares.shape[1]), 1, largest=False).values.numpy()
        nearest = np.maximum(nearest + lengths.numpy()[:, None], 0.0)
        distances = np.sqrt(nearest / self.space.layout.width)
        return _mean_of_known(distances) if is_own else distances.sum(1) / distances.shape[1]

    @cached_property
    def by_axis(self) -> Tensor:
        """The references, (axes, references), as they are read: for a single window this takes a third of the time."""
        return self.references.T.contiguous()

    @cached_property
    def first_place(self) -> int:
        return int(self.places.min())

    @cached_property
    def squared_lengths(self) -> Tensor:
        """Squared ones of the references, of all their features."""
        return self.references.square().sum(1) + self.rests


def _mean_of_known(distances: np.ndarray) -> np.ndarray:
    """(windows, nearest), infinite where there is no reference, to (windows,), NaN where there is none at all."""
    known = np.isfinite(distances)
    with np.errstate(invalid="ignore"):
        return np.where(known, distances, 0.0).sum(1) / known.sum(1)


class _Placed(NamedTuple):
    """Rows that come with the place in training of each, (windows,)."""

    windows: Windows
    places: Tensor

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, part):
        return self.windows[part], self.places[part]


@dataclass(frozen=True)
class WindowNeighbourhood:
    """Distances to training windows at several lengths, each scaled, in nats.

    Nearest windows are hard to beat in series (Paparrizos et al. 2022, "TSB-UAD"; Yeh et al. 2016, "Matrix profile I"),
    and no length is right for all: short ones see spikes, long ones rhythms that are broken, and those without their
    mean what a sensor does at another level.

    training: the steps learned from; a series that is a part of it is not compared with itself.
    nats: (), what one interquartile range of a distance counts.
    """

    training: Training
    views: tuple[WindowView, ...]
    nats: Tensor

    @classmethod
    def around(cls, model: Any, X: Any, weight: float) -> WindowNeighbourhood | None:
        """Of the series X that a model was fitted to; None where weight is 0."""
        if not weight:
            return None
        codec, generator = model.codec_, torch.Generator().manual_seed(0)
        windows = model.rows(X)
        some = windows[torch.randperm(len(windows), generator=generator)[:MAX_REFERENCES]]
        _, spread = center_and_spread(torch.from_numpy(model.score_batch(some)))
        segments = list(codec.timeline.segments(X, codec.window))
        places = np.cumsum([0, *map(len, segments[:-1])])
        longest, views = max(map(len, segments)), []
        for length, is_shape in VIEWS:
            length = max(min(length, longest // LEAST_WINDOWS), 1)
            windows = codec.windows(X, length, 1)
            views.append(WindowView.fit(windows, windows.places(places), is_shape, generator))
        nats = AGAINST_MODEL * weight * spread
        return cls(Training.of(codec.steps(X), segments), tuple(views), nats)

    @property
    def longest(self) -> int:
        return max(view.space.layout.length for view in self.views)

    def remoteness(self, model: Any, X: Any) -> np.ndarray:
        """Of each row of X, in nats, (rows,): the mean over the windows that hold it, summed over the views."""
        codec, total = model.codec_, np.zeros(len(X))
        places = self.training.places(codec.steps(X), list(codec.timeline.segments(X, codec.window)))
        for view in self.views:
            length = view.space.layout.length
            windows = codec.windows(X, length, max(1, length // PARTS))
            placed = _Placed(windows, torch.from_numpy(windows.places(places)))
            total += windows.spread(by_parts(view.excess, placed, WINDOWS))  # type: ignore[arg-type]
        return float(self.nats) * total

    def remoteness_of_last(self, values: np.ndarray, observed: np.ndarray, place: int) -> float:
        """Of the last of `longest` steps, (steps, features of a step), in nats; place: where in training it lies."""
        return float(self.nats) * self._of_one_step.excess(values, observed, place)

    @cached_property
    def _of_one_step(self) -> OneStep:
        return OneStep(self.views, NEAREST)

    def state(self) -> dict[str, Tensor]:
        """Tensors by name, of which `from_state` makes it."""
        found = {"nats": self.nats, "training": torch.from_numpy(self.training.prints)}
        for i, view in enumerate(self.views):
            parts = {field.name: getattr(view, field.name) for field in fields(view) if field.name != "space"}
            found |= {f"{i}.{name}": part for name, part in (parts | view.space.state()).items()}
        return found

    @classmethod
    def from_state(cls, state: dict[str, Tensor], codec: Any) -> WindowNeighbourhood:
        step = codec.layout.step
        views: list[WindowView] = []
        while f"{len(views)}.center" in state:
            prefix = f"{len(views)}."
            parts = {name.removeprefix(prefix): part for name, part in state.items() if name.startswith(prefix)}
            views.append(WindowView(WindowSpace.from_state(parts, step), **parts))
        return cls(Training(state["training"].numpy()), tuple(views), state["nats"])
