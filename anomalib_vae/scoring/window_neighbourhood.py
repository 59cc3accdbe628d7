"""How far the windows of a time series are from those of training, at several lengths."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.series import PARTS
from anomalib_vae.codec.windows import WindowLayout, Windows
from anomalib_vae.models.chunks import by_parts
from anomalib_vae.scoring.window_space import WindowSpace

VIEWS = ((16, False), (64, True), (128, False))  # steps, and whether each sensor's mean is taken away
LEAST_WINDOWS = 4  # of the longest segment: a view is no longer than that part of it
MAX_REFERENCES = 3000
NEAREST = 3  # references whose mean distance counts
AGAINST_MODEL = 10.0  # interquartile ranges of the model's score that one of a distance counts
QUARTILES = (0.25, 0.5, 0.75)
SMALLEST_SPREAD = 0.01  # of the median distance
CHUNK = 512  # windows at once


@dataclass(frozen=True)
class WindowView:
    """Reference windows of one length.

    space: what windows are measured in.  references: (references, axes) in it; rests: (references,), the squared
    lengths of what it leaves out of them.  starts: (references,), where in training they began.
    fingerprints, known_starts: (training windows,), ascending, and where each began: a window that is one of training's
    is not compared with references that overlap it.
    center, spread: (), median and interquartile range of the references' distances.
    """

    space: WindowSpace
    references: Tensor
    rests: Tensor
    starts: Tensor
    fingerprints: Tensor
    known_starts: Tensor
    center: Tensor
    spread: Tensor

    @classmethod
    def fit(cls, windows: Windows, is_shape: bool, generator: torch.Generator) -> WindowView:
        """windows: all of training."""
        chosen = torch.randperm(len(windows), generator=generator)[:MAX_REFERENCES].sort().values
        batch, starts = windows[chosen], torch.from_numpy(windows.starts)
        prints = torch.cat([fingerprint(windows[at : at + CHUNK]) for at in range(0, len(windows), CHUNK)])
        order = prints.argsort()
        space = WindowSpace.fit(batch, windows.layout, is_shape, starts[chosen], generator)
        references, rests = space(batch)
        nothing = torch.zeros((), dtype=torch.float64)
        view = cls(space, references, rests, starts[chosen], prints[order], starts[order], nothing, nothing + 1)
        distances = view.distances(batch)
        known = distances[distances.isfinite()]
        low, center, high = torch.quantile(known if len(known) else nothing[None], known.new_tensor(QUARTILES))
        spread = torch.maximum(high - low, SMALLEST_SPREAD * center).clamp_min(1e-9)
        return cls(**{**vars(view), "center": center, "spread": spread})

    def excess(self, windows: Batch) -> np.ndarray:
        """Distances less their median, in interquartile ranges, (windows,); 0 where there is nothing to compare."""
        return torch.nan_to_num((self.distances(windows) - self.center) / self.spread).numpy()

    def distances(self, windows: Batch) -> Tensor:
        """The mean of those to the nearest references, (windows,), NaN where there is none."""
        return torch.cat([self._distances(windows[at : at + CHUNK]) for at in range(0, len(windows), CHUNK)])

    def _distances(self, windows: Batch) -> Tensor:
        places, rests = self.space(windows)
        lengths = (places.square().sum(1) + rests)[:, None] + self.references.square().sum(1) + self.rests
        squares = torch.addmm(lengths, places, self.references.T, alpha=-2).clamp_min(0.0)
        own, there = self._own_starts(windows)
        near = (own[:, None] - self.starts).abs() < self.space.layout.length
        squares = squares.masked_fill_(near & there[:, None], torch.inf)
        nearest = squares.topk(min(NEAREST, squares.shape[1]), 1, largest=False).values
        nearest = nearest.masked_fill(nearest.isinf(), torch.nan)
        return (nearest / self.space.layout.width).sqrt().nanmean(1)

    def _own_starts(self, windows: Batch) -> tuple[Tensor, Tensor]:
        """Where in training each window began, (windows,), and whether it is one of training's at all."""
        prints = fingerprint(windows)
        at = torch.searchsorted(self.fingerprints, prints).clamp_max(len(self.fingerprints) - 1)
        return self.known_starts[at], self.fingerprints[at] == prints


@dataclass(frozen=True)
class WindowNeighbourhood:
    """Distances to training windows at several lengths, each scaled, in nats.

    Nearest windows are hard to beat in series (Paparrizos et al. 2022, "TSB-UAD"; Yeh et al. 2016, "Matrix profile I"),
    and no length is right for all: short ones see spikes, long ones rhythms that are broken, and those without their
    mean what a sensor does at another level.

    nats: (), what one interquartile range of a distance counts.
    """

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
        low, _, high = np.quantile(model.score_batch(some), QUARTILES)
        longest = max(len(segment) for segment in codec.timeline.segments(X, codec.window))
        views = []
        for length, is_shape in VIEWS:
            length = max(min(length, longest // LEAST_WINDOWS), 1)
            views.append(WindowView.fit(codec.windows(X, length, 1), is_shape, generator))
        return cls(tuple(views), torch.tensor(AGAINST_MODEL * weight * (high - low)))

    @property
    def longest(self) -> int:
        return max(view.space.layout.length for view in self.views)

    def remoteness(self, model: Any, X: Any) -> np.ndarray:
        """Of each row of X, in nats, (rows,): the mean over the windows that hold it, summed over the views."""
        total = np.zeros(len(X))
        for view in self.views:
            length = view.space.layout.length
            windows = model.codec_.windows(X, length, max(1, length // PARTS))
            total += windows.spread(by_parts(view.excess, windows))
        return float(self.nats) * total

    def remoteness_of_last(self, values: Tensor, observed: Tensor) -> np.ndarray:
        """Of the last of `longest` steps, (series, steps, features of a step), in nats, (series,)."""
        total = np.zeros(len(values))
        for view in self.views:
            layout = view.space.layout
            ends = (part[:, len(part[0]) - layout.length :] for part in (values, observed))
            total += view.excess(Batch(*(layout.join(part) for part in ends)))
        return float(self.nats) * total

    def state(self) -> dict[str, Tensor]:
        """Tensors by name, of which `from_state` makes it."""
        found = {"nats": self.nats}
        for i, view in enumerate(self.views):
            parts = {field.name: getattr(view, field.name) for field in fields(view) if field.name != "space"}
            found |= {f"{i}.{name}": part for name, part in (parts | view.space.state()).items()}
        return found

    @classmethod
    def from_state(cls, state: dict[str, Tensor], codec: Any) -> WindowNeighbourhood:
        views, step = [], codec.layout.step
        while f"{len(views)}.center" in state:
            prefix = f"{len(views)}."
            parts = {name.removeprefix(prefix): part for name, part in state.items() if name.startswith(prefix)}
            views.append(WindowView(WindowSpace.from_state(parts, step), **parts))
        return cls(tuple(views), state["nats"])


def fingerprint(windows: Batch) -> Tensor:
    """A number for each window, (windows,) of int64, that is the same where all cells are, and hardly ever else."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.randint(-(2**62), 2**62, (2, windows.values.shape[-1]), generator=generator) | 1
    cells = windows.values.float().contiguous().view(torch.int32).long() * weights[0]
    return (cells + windows.observed.long() * weights[1]).sum(-1)


