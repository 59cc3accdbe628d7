"""The labels of rows: a column that comes beside X, and may have gaps as any other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from anomalib_vae.codec.batch import Batch, Rows

Label = int | str | bool


@dataclass(frozen=True)
class Labels:
    """classes: the labels of training, sorted; shares: of each of them among the rows whose label is known."""

    classes: tuple[Label, ...]
    shares: tuple[float, ...]

    @classmethod
    def fit(cls, y: Any, rows: int) -> Labels:
        """y: (rows,) of integers, strings or booleans; None or NaN where the label is not known.  Raises as `encode`,
        and ValueError for fewer than two classes, TypeError for classes of several kinds."""
        counts = Counter(label for label in _cells(y, rows) if label is not None)
        kinds = sorted({type(label).__name__ for label in counts})
        if len(kinds) > 1:
            raise TypeError(f"y mixes labels of the types {' and '.join(kinds)}: convert it with astype(str)")
        if len(counts) < 2:
            found = ", ".join(map(repr, counts)) or "no known label"
            raise ValueError(f"y must hold at least two classes, got {found}")
        classes = sorted(counts)
        return cls(tuple(classes), tuple(counts[label] / counts.total() for label in classes))

    def __len__(self) -> int:
        return len(self.classes)

    def encode(self, y: Any, rows: int) -> Batch:
        """One-hot float32, (rows, classes), not observed where a label is not known.  Raises ValueError for another
        length, for numbers that are not whole and for a label that was not in training, TypeError for other kinds."""
        position = {label: i for i, label in enumerate(self.classes)}
        cells = _cells(y, rows)
        new = dict.fromkeys(label for label in cells if label is not None and label not in position)
        if new:
            raise ValueError(
                f"y holds labels that were not in training: {_some(list(new))}; those of training are "
                f"{_some(self.classes)}, and None stands for a label that is not known"
            )
        codes = torch.tensor([-1 if label is None else position[label] for label in cells])
        values = one_hot(codes.clamp_min(0), len(self)).float()
        known = (codes >= 0).float()[:, None].expand_as(values)
        return Batch.complete(values) if bool((codes >= 0).all()) else Batch(values * known, known.contiguous())

    def draw(self, y: Any, rows: int, generator: Generator) -> Tensor:
        """One-hot labels of new rows, (rows, classes), on the generator's device: y one for all or one a row; drawn
        by the shares where it is None."""
        wanted = self.encode([y] * rows if np.ndim(y) == 0 else y, rows).to(generator.device)
        shares = torch.tensor(self.shares, dtype=torch.float64, device=generator.device)
        drawn = torch.multinomial(shares, rows, replacement=True, generator=generator)
        return torch.where(wanted.observed > 0, wanted.values, one_hot(drawn, len(self)).to(wanted.values))

    def to_json(self) -> dict:
        return {"classes": list(self.classes), "shares": list(self.shares)}

    @classmethod
    def from_json(cls, state: dict) -> Labels:
        return cls(tuple(state["classes"]), tuple(state["shares"]))


@dataclass(frozen=True)
class LabelledRows:
    """Rows with their labels, (rows, classes), as further features."""

    rows: Rows
    labels: Batch

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows) -> Batch:
        return beside(self.rows[rows], self.labels[rows])


def beside(rows: Batch, labels: Batch) -> Batch:
    """The labels, (..., rows, classes), as further features of the rows."""
    values = torch.cat([rows.values, labels.values], -1)
    if rows.is_complete and labels.is_complete:
        return Batch.complete(values)
    return Batch(values, torch.cat([rows.observed, labels.observed], -1))


def apart(batch: Batch, features: int, classes: int) -> tuple[Batch, Batch]:
    """Rows, of so many features, and labels that were put `beside` them; without any, no label is observed."""
    if batch.values.shape[-1] == features:
        unknown = batch.values.new_zeros((*batch.values.shape[:-1], classes))
        return batch, Batch(unknown, unknown)
    return batch.select(slice(features)), batch.select(slice(features, features + classes))


def _cells(y: Any, rows: int) -> list[Label | None]:
    """The labels as Python has them, None where they are not known."""
    values = np.asarray(y, dtype=object)
    if values.shape != (rows,):
        raise ValueError(f"y must hold a label for each of {rows} rows, shape ({rows},), got the shape {values.shape}")
    return [None if unknown else _label(value) for value, unknown in zip(values, pd.isna(values), strict=True)]


def _label(value: Any) -> Label:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if value.is_integer():  # as whole numbers become beside NaN
            return int(value)
        raise ValueError(
            f"y must hold the labels of classes, and {value!r} is a number that is not whole: cut a continuous y into "
            "classes, for example with pandas.qcut(y, 5, labels=False)"
        )
    raise TypeError(
        f"y must hold integers, strings or booleans, got {value!r} of type {type(value).__name__}: convert it with "
        "astype(str)"
    )


def _some(labels: Sequence[Label], most: int = 10) -> str:
    return ", ".join(map(repr, labels[:most])) + (", ..." if len(labels) > most else "")
