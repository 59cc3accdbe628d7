"""What is said of rows of which one cell's own value is left out, as if it were missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from anomalib_vae.codec.batch import Batch, Layout
from anomalib_vae.networks.observation import mixture_moments


class Predictive(NamedTuple):
    """What may stand in each cell: mean and standard deviation of its targets, (rows, targets of the codec's layout).

    The mean of a level's target is the level's probability.  Numbers are standardised, as the codec decodes them.
    """

    mean: np.ndarray
    deviation: np.ndarray


class LeftOut(NamedTuple):
    """Cells of one column that were predicted as if they were missing.

    row: which row each is of, (cells,).  truth, prediction, deviation: of its targets, (cells, targets of the column).
    """

    row: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray
    deviation: np.ndarray


def by_column(
    layout: Layout, rows: Batch, cells: np.ndarray, prediction: np.ndarray, deviation: np.ndarray
) -> list[LeftOut]:
    """The observed ones among the cells, (rows, columns) of bool, in the layout's order of columns; prediction,
    deviation: (rows, targets)."""
    truth, found = rows.values[:, layout.targets].cpu().numpy(), []
    for column, (block, targets) in enumerate(zip(layout.blocks, layout.target_slices, strict=True)):
        at = np.flatnonzero(cells[:, column] & (rows.observed[:, block.start].cpu().numpy() > 0))
        found.append(LeftOut(at, *(part[at, targets] for part in (truth, prediction, deviation))))
    return found


def predictive(
    moments_of: Callable[[Batch], tuple[Tensor, Tensor]],
    evaluate: Callable[[Callable[[Batch], Tensor], Batch], np.ndarray],
    layout: Layout,
    rows: Batch,
    cells: np.ndarray | None,
) -> Predictive:
    """The cells, (rows, columns) of bool, are predicted from the others of their row, the rest from the whole row.

    moments_of: a network's `predictive`.  evaluate: what a function of a network's batches gives for encoded rows.
    """

    def moments(rows: Batch) -> np.ndarray:
        return evaluate(lambda batch: torch.stack(mixture_moments(*moments_of(batch), dim=0), -1), rows)

    found, column_of_target = moments(rows), np.array(layout.column_of_target)
    if cells is not None:
        for at, columns, rest in _each_left_out(layout, rows, cells):
            is_left_out = (column_of_target == columns[:, None])[..., None]
            found[at] = np.where(is_left_out, moments(rest), found[at])
    return Predictive(found[..., 0], np.sqrt(found[..., 1]))


def conditional_scores(
    score: Callable[[Batch], np.ndarray], layout: Layout, rows: Batch, cells: np.ndarray
) -> np.ndarray:
    """log p(cell | rest of row) = score - score without the cell, of the cells: (rows, columns), NaN elsewhere.

    score: rows to the logarithm of a density, or what stands for it, (rows,).
    """
    found, whole = np.full(cells.shape, np.nan), score(rows)
    for at, columns, rest in _each_left_out(layout, rows, cells):
        found[at, columns] = whole[at] - score(rest)
    return found


def _each_left_out(layout: Layout, rows: Batch, cells: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, Batch]]:
    """One cell of each row after the other: which rows still have one, its column, and these rows without it."""
    count = cells.sum(axis=1)
    columns_of_row = (~cells).argsort(axis=1, kind="stable")
    for turn in range(count.max()):
        at = np.flatnonzero(count > turn)
        columns = columns_of_row[at, turn]
        hidden = one_hot(torch.from_numpy(columns), len(layout.blocks)).bool()[:, layout.column_of_feature]
        yield at, columns, rows[torch.from_numpy(at)].hide(hidden)
