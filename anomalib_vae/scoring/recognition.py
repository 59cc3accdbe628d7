"""Whether a series is one that was learned from: its windows must not be compared with themselves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from anomalib_vae.codec.batch import Batch, Rows
from anomalib_vae.codec.timeline import NOTHING
from anomalib_vae.models.chunks import by_parts

UNKNOWN = np.iinfo(np.int64).min // 2  # the place of a step that is none of training's: far from all of them


def fingerprints(rows: Rows) -> np.ndarray:
    """A number for each encoded row, (rows,) of int64, that is the same where all cells are, and hardly ever else."""
    return by_parts(_of_batch, rows)


def _of_batch(rows: Batch) -> np.ndarray:
    weights = _weights(rows.values.shape[-1])
    cells = rows.values.float().contiguous().view(torch.int32).long() * weights[0]
    return (cells + rows.observed.long() * weights[1]).sum(-1).numpy()


@cache
def _weights(features: int) -> torch.Tensor:
    """Odd numbers, for values and for what is observed: (2, features)."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(-(2**62), 2**62, (2, features), generator=generator) | 1


@dataclass(frozen=True)
class Training:
    """The steps of training, one segment after the other.

    prints: (steps,), the fingerprint of each step's row, 0 where it has none.
    """

    prints: np.ndarray

    @classmethod
    def of(cls, rows: Rows, segments: list[np.ndarray]) -> Training:
        return cls(np.concatenate([_prints(fingerprints(rows), segment) for segment in segments]))

    def place(self, prints: np.ndarray) -> int:
        """Where in training steps with these fingerprints, all of them, begin; UNKNOWN where they don't occur."""
        last = len(self.prints) - len(prints)
        starts = np.flatnonzero(self.prints[: last + 1] == prints[0]) if last >= 0 else np.empty(0, int)
        for offset in range(1, len(prints)):
            if len(starts) < 2:
                break
            starts = starts[self.prints[starts + offset] == prints[offset]]
        whole = [at for at in starts if np.array_equal(self.prints[at : at + len(prints)], prints)]
        return int(whole[0]) if whole else UNKNOWN

    def places(self, rows: Rows, segments: list[np.ndarray]) -> list[int]:
        """Of each segment of a frame."""
        prints = fingerprints(rows)
        return [self.place(_prints(prints, segment)) for segment in segments]

    def followers(self, candidates: np.ndarray | None, fingerprint: int, ahead: int) -> np.ndarray:
        """Where a step lies that comes so many steps after one at any of the candidates, None for anywhere."""
        if candidates is None:
            return np.flatnonzero(self.prints == fingerprint)
        skipped = candidates[candidates + ahead < len(self.prints)]
        for step in range(1, ahead):
            skipped = skipped[self.prints[skipped + step] == 0]
        return (skipped + ahead)[self.prints[skipped + ahead] == fingerprint]


def _prints(of_rows: np.ndarray, segment: np.ndarray) -> np.ndarray:
    return np.where(segment == NOTHING, 0, of_rows[segment])
