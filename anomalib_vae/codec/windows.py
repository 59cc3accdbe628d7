"""Windows of a series as rows: all that works on the rows of a table works on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from anomalib_vae.codec.batch import Batch, Block, Kind, Layout, Rows
from anomalib_vae.codec.timeline import NOTHING

KINDS: tuple[Kind, ...] = ("real", "binary", "category")


@dataclass(frozen=True)
class WindowLayout(Layout):
    """The features of so many steps in a row; blocks of one kind lie together, step after step.

    step: the layout of one step, in which features and targets are the same.  has_gaps: whether steps or cells may be
    missing in training; a network that never saw one can't learn what it means.
    """

    step: Layout
    length: int
    has_gaps: bool = True

    @classmethod
    def of(cls, step: Layout, length: int, has_gaps: bool = True) -> WindowLayout:
        blocks, stop = [], 0
        for kind in KINDS:
            for block in step.of_kind(kind) * length:
                blocks.append(Block(block.column, kind, stop, stop + block.width, block.target_width))
                stop += block.width
        return cls(tuple(blocks), step, length, has_gaps)

    @property
    def flagged(self) -> tuple[Block, ...]:
        return self.blocks if self.has_gaps else ()

    @cached_property
    def order(self) -> Tensor | None:
        """For each feature of the window its place in steps laid end to end; None where these are the same."""
        if len({block.kind for block in self.step.blocks}) == 1:
            return None
        at = np.arange(self.length * self.step.width).reshape(self.length, -1)
        return torch.from_numpy(
            np.concatenate([at[:, range(*self.step.span(kind).indices(self.step.width))].ravel() for kind in KINDS])
        )

    @cached_property
    def inverse(self) -> Tensor | None:
        return None if self.order is None else self.order.argsort()

    @cached_property
    def scales(self) -> list[int]:
        """A sensor has one scale, at whatever step."""
        return list(range(self.step.span("real").stop)) * self.length

    @cached_property
    def of_columns(self) -> WindowLayout:
        """The same with one feature for each column, as scores have a part for each."""
        if all(block.width == 1 for block in self.step.blocks):
            return self
        blocks = tuple(Block(block.column, block.kind, i, i + 1, 1) for i, block in enumerate(self.step.blocks))
        return WindowLayout.of(Layout(blocks), self.length, self.has_gaps)

    def join(self, steps: Tensor) -> Tensor:
        """(..., length, step features) to (..., features)."""
        flat = steps.flatten(-2)
        return flat if self.order is None else flat[..., self.order.to(flat.device)]

    def split(self, features: Tensor) -> Tensor:
        """(..., features) to (..., length, step features)."""
        flat = features if self.inverse is None else features[..., self.inverse.to(features.device)]
        return flat.unflatten(-1, (self.length, -1))


def step_layout(layout: Layout) -> Layout:
    """A table's layout with the targets of each column alone: one view of each number."""
    stops = np.cumsum([block.target_width for block in layout.blocks]).tolist()
    return Layout(
        tuple(
            Block(block.column, block.kind, stop - block.target_width, stop, block.target_width)
            for block, stop in zip(layout.blocks, stops, strict=True)
        )
    )


@dataclass(frozen=True)
class Windows:
    """Windows as rows of a WindowLayout, each put together when it is asked for.

    rows: the encoded rows of a frame.  steps: for each step the position of its
    row, or NOTHING; segments lie end to end, each at least as long as a window.  segments: the first step of each.
    starts: the first step of each window, (windows,).
    """

    rows: Rows
    steps: np.ndarray
    segments: np.ndarray
    starts: np.ndarray
    layout: WindowLayout

    @classmethod
    def over(cls, rows: Rows, segments: Iterable[np.ndarray], layout: WindowLayout, stride: int) -> Windows:
        """Every stride-th window of each segment and its last one; short segments begin with steps of nothing."""
        parts = [np.pad(part, (max(layout.length - len(part), 0), 0), constant_values=NOTHING) for part in segments]
        first = np.cumsum([0, *map(len, parts[:-1])])
        last = [len(part) - layout.length for part in parts]
        starts = [at + np.append(np.arange(0, end, stride), end) for at, end in zip(first, last, strict=True)]
        return cls(rows, np.concatenate(parts), first, np.concatenate(starts), layout)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, windows) -> Batch:
        """(windows, features); for an index of another shape its shape in the place of windows."""
        windows = windows.cpu().numpy() if isinstance(windows, Tensor) else windows
        at = self.steps[self.starts[windows][..., None] + np.arange(self.layout.length)]
        known = at != NOTHING
        if not isinstance(self.rows, Batch):
            needed, inverse = np.unique(at[known], return_inverse=True)
            at = np.zeros_like(at)
            at[known] = inverse
            rows = self.rows[needed]
        else:
            rows, at = self.rows, np.where(known, at, 0)
        index = torch.from_numpy(at).to(rows.values.device)
        values = rows.values[index]
        if rows.is_complete and known.all():
            return Batch.complete(self.layout.join(values))
        there = torch.from_numpy(known)[..., None].to(values)
        observed = there.expand(values.shape) if rows.is_complete else rows.observed[index] * there
        return Batch(self.layout.join(values * there), self.layout.join(observed))

    def to(self, *args, **kwargs) -> Windows:
        rows = self.rows.to(*args, **kwargs) if isinstance(self.rows, Batch) else self.rows
        return replace(self, rows=rows)

    def places(self, of_segments: Sequence[int]) -> np.ndarray:
        """Where each window begins, (windows,), if each segment begins there; a window may begin before it does."""
        known = np.flatnonzero(self.steps != NOTHING)
        begins = known[np.searchsorted(known, self.segments)]  # a segment's first step has a row
        segment = np.searchsorted(self.segments, self.starts, side="right") - 1
        return np.asarray(of_segments)[segment] + self.starts - begins[segment]

    def take(self, windows) -> Windows:
        """Some of the windows, still to be put together."""
        return replace(self, starts=self.starts[np.asarray(windows)])

    def spread(self, values: np.ndarray) -> np.ndarray:
        """What was found of each window, (windows,), as the mean over the windows that hold a row: (rows,)."""
        total = np.zeros(len(self.steps))
        for offset in range(self.layout.length):
            total[self.starts + offset] += values
        return self._mean_of_rows(total)

    def overlap(self, function: Callable[[Batch], np.ndarray], part: int) -> np.ndarray:
        """What a function finds of each step of windows, (windows, length, ...), as the mean over the windows that hold
        a row: (rows, ...).  part: how many windows at once."""
        total = np.zeros(0)
        for at in range(0, len(self), part):
            found, starts = function(self[at : at + part]), self.starts[at : at + part]
            total = total if len(total) else np.zeros((len(self.steps), *found.shape[2:]))
            for offset in range(self.layout.length):
                total[starts + offset] += found[:, offset]
        return self._mean_of_rows(total)

    def centred(self) -> tuple[Windows, np.ndarray]:
        """Windows with each row in their middle, as near as its segment has it, and the window of each row, (rows,)."""
        steps = np.flatnonzero(self.steps != NOTHING)
        segment = np.searchsorted(self.segments, steps, side="right") - 1
        last = np.append(self.segments[1:], len(self.steps))[segment] - self.layout.length
        start = np.clip(steps - self.layout.length // 2, self.segments[segment], last)
        starts, window = np.unique(start, return_inverse=True)
        of_rows = np.empty(len(steps), np.int64)
        of_rows[self.steps[steps]] = window
        return replace(self, starts=starts), of_rows

    def _mean_of_rows(self, total: np.ndarray) -> np.ndarray:
        """Sums over the windows that hold a step, (steps, ...), as means of the rows, (rows, ...)."""
        count = np.zeros(len(self.steps))
        for offset in range(self.layout.length):
            count[self.starts + offset] += 1
        known = self.steps != NOTHING
        found = np.empty((np.count_nonzero(known), *total.shape[1:]))
        found[self.steps[known]] = total[known] / count[known].reshape(-1, *[1] * (total.ndim - 1))
        return found
