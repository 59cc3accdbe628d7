"""What stands between data and networks: a Batch of tensors and the Layout that says what its features mean."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from torch import Tensor

Kind = Literal["real", "binary", "category"]


@dataclass(frozen=True)
class Batch:
    """Rows as tensors.

    values: (..., rows, features), finite everywhere and 0 where nothing was observed.
    observed: the same shape, 1 where the cell was observed and 0 where it is missing.
    """

    values: Tensor
    observed: Tensor

    def __len__(self) -> int:
        return self.values.shape[-2]

    def __getitem__(self, rows) -> Batch:
        values = self.values[rows]
        if self.is_complete:  # nothing to gather
            return Batch(values, self.observed[0, 0].expand(values.shape))
        return Batch(values, self.observed[rows])

    def take(self, rows) -> Batch:
        """Some of the rows, to be trained on."""
        return self[rows]

    def select(self, features) -> Batch:
        """The same rows with some of the features."""
        values = self.values[..., features]
        if self.is_complete:
            return Batch(values, self.observed[..., :1].expand(values.shape))
        return Batch(values, self.observed[..., features])

    @classmethod
    def complete(cls, values: Tensor) -> Batch:
        """A batch without a missing cell; its mask takes no memory."""
        return cls(values, _one(values.dtype, values.device).expand(values.shape))

    @property
    def is_complete(self) -> bool:
        """Whether it is known without a look at the cells that none is missing: one 1 stands for them all."""
        return not any(self.observed.stride())

    def to(self, *args, **kwargs) -> Batch:
        values = self.values.to(*args, **kwargs)
        return Batch.complete(values) if self.is_complete else Batch(values, self.observed.to(*args, **kwargs))

    def for_members(self, n_members: int) -> Batch:
        """The same rows for each member: (rows, features) to (members, rows, features), without a copy."""
        return Batch(self.values.expand(n_members, -1, -1), self.observed.expand(n_members, -1, -1))

    def hide(self, hidden: Tensor) -> Batch:
        """The same rows with features as if they were missing: where hidden, which broadcasts, is true."""
        return Batch(self.values.masked_fill(hidden, 0.0), self.observed.masked_fill(hidden, 0.0))

    def repeat(self, times: int) -> Batch:
        """The same rows, `times` times over: (..., times x rows, features)."""
        if times == 1:
            return self
        values = _repeated(self.values, times)
        return Batch.complete(values) if self.is_complete else Batch(values, _repeated(self.observed, times))


@cache
def _one(dtype: Any, device: Any) -> Tensor:
    """A 1 that is made once: a row that arrives alone has few operations that take longer."""
    import torch

    with torch.inference_mode(False):  # training reads it as well
        return torch.ones((), dtype=dtype, device=device)


def _repeated(rows: Tensor, times: int) -> Tensor:
    if rows.shape[-2] == 1:
        return rows.expand(*rows.shape[:-2], times, -1)
    return rows.unsqueeze(-3).expand(*rows.shape[:-2], times, -1, -1).flatten(-3, -2)  # sooner done than repeat


class Rows(Protocol):
    """Rows of a table: a Batch already, or encoded where they are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> Batch: ...


@dataclass(frozen=True)
class Block:
    """The features start:stop of a batch that stand for one column.

    A network reads all of them; it gives back the first `target_width`, which are enough to decode the column.
    """

    column: str
    kind: Kind
    start: int
    stop: int
    target_width: int

    @property
    def width(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Layout:
    """The blocks of a batch, in the order of their features: real ones first, then binary, then categories."""

    blocks: tuple[Block, ...]

    @property
    def flagged(self) -> tuple[Block, ...]:
        """The blocks of which a network reads whether they are missing."""
        return self.blocks

    @cached_property
    def width(self) -> int:
        return self.blocks[-1].stop if self.blocks else 0

    @cached_property
    def columns(self) -> list[str]:
        return [block.column for block in self.blocks]

    @cached_property
    def column_of_feature(self) -> list[int]:
        """For each feature, the position of its block."""
        return [i for i, block in enumerate(self.blocks) for _ in range(block.width)]

    @cached_property
    def targets(self) -> list[int]:
        """The features that a network gives back."""
        return [i for block in self.blocks for i in range(block.start, block.start + block.target_width)]

    @property
    def given_back(self) -> Layout:
        """The layout of the targets by themselves."""
        ends = list(itertools.accumulate(block.target_width for block in self.blocks))
        return Layout(
            tuple(
                replace(block, start=stop - block.target_width, stop=stop)
                for block, stop in zip(self.blocks, ends, strict=True)
            )
        )

    @cached_property
    def column_of_target(self) -> list[int]:
        return [i for i, block in enumerate(self.blocks) for _ in range(block.target_width)]

    @cached_property
    def target_slices(self) -> list[slice]:
        """Where each column's targets lie among all."""
        stops = itertools.accumulate(block.target_width for block in self.blocks)
        return [slice(stop - block.target_width, stop) for stop, block in zip(stops, self.blocks, strict=True)]

    @cached_property
    def scales(self) -> list[int]:
        """For each real target, which learned scale is its own."""
        return list(range(len(self.of_kind("real"))))

    @property
    def start_scale(self) -> float:
        """The scale that training starts from for each real target: of a standardised one its standard deviation."""
        return 1.0

    def extremes(self, deviations: float) -> tuple[float, float]:
        """The lowest and the highest that a real feature can be spoiled to, so many standard deviations away."""
        return -deviations, deviations

    def target_span(self, kind: Kind) -> slice:
        """Where the targets of one kind lie among the targets."""
        of_kind = [i for i, block in enumerate(self.column_of_target) if self.blocks[block].kind == kind]
        return slice(of_kind[0], of_kind[-1] + 1) if of_kind else slice(0, 0)

    def span(self, kind: Kind) -> slice:
        """The features of one kind; they are contiguous."""
        stops = [(b.start, b.stop) for b in self.blocks if b.kind == kind]
        return slice(stops[0][0], stops[-1][1]) if stops else slice(0, 0)

    def of_kind(self, kind: Kind) -> list[Block]:
        return [block for block in self.blocks if block.kind == kind]
