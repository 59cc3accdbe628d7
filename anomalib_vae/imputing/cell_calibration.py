"""How far the cells of a frame lie from what is predicted of them, told by cells that were hidden from the prediction.

Numbers: split conformal prediction with normalised residuals (Lei, G'Sell, Rinaldo, Tibshirani and Wasserman 2018,
"Distribution-free predictive inference for regression").  Labels: see `label_calibration`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from anomalib_vae.codec.batch import Batch, Layout
from anomalib_vae.imputing import label_calibration
from anomalib_vae.imputing.joint_residuals import precision_of
from anomalib_vae.imputing.label_calibration import LabelCalibration, of_levels
from anomalib_vae.imputing.parameter_uncertainty import LinearSpread

EVALUATIONS = 16384  # hidden cells, of all columns together
PRIOR_CELLS = 20.0  # a column of few hidden cells with as many has a scale halfway between its own and that of all
LEAST_ROWS = 200  # in which cells are hidden, where there are as many
KEPT = 1000  # residuals of a column: the quantiles of more
FEW = 100  # hidden cells, below which a column takes the shape of its residuals from all columns

Predict = Callable[[Batch, int], tuple[np.ndarray, np.ndarray]]


class HiddenCells(NamedTuple):
    """Cells that were predicted from the rest of their row.

    row, column: (cells,), columns by their position in the layout.  truth, prediction, deviation: (cells, targets), of
    which those of the cell's column count.
    """

    row: np.ndarray
    column: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray
    deviation: np.ndarray


@dataclass(frozen=True)
class CellCalibration:
    """What hidden cells told of each column, in the layout's order.

    residuals: of a numeric column its sorted (value - prediction) / deviation, empty for others.
    labels: of labels and booleans.
    precision: of the numeric columns' residuals, see `precision_of`.  spread: see LinearSpread.
    """

    residuals: list[np.ndarray]
    labels: LabelCalibration
    precision: np.ndarray
    spread: LinearSpread

    @classmethod
    def fit(
        cls,
        predict: Predict,
        rows: Batch,
        layout: Layout,
        rng: np.random.Generator,
        training_rows: int,
        unseen: np.ndarray | None = None,
    ) -> CellCalibration:
        """Hide observed cells of the rows, one of each row at a time, so that as many others are missing as usual.

        predict: encoded rows, and the position of the column that is asked for, to predicted targets and their
        deviations, each (rows, targets).  training_rows: how many the model has learned from.  unseen: the cells that
        it has not learned from, (rows, columns) of bool, where it has learned from the others of these rows: they alone
        tell how far predictions are off, where there are enough.
        """
        most = max(EVALUATIONS // len(layout.blocks), LEAST_ROWS)
        some = rows if len(rows) <= most else rows[np.sort(rng.choice(len(rows), most, replace=False))]
        observed = rows.observed[:, [block.start for block in layout.blocks]].numpy() > 0
        all_cells = hidden_cells(predict, some, layout)
        numbers = [position for position, block in enumerate(layout.blocks) if block.kind == "real"]
        grid = np.full((len(some), len(layout.blocks)), np.nan)
        for position, own in enumerate(_residuals(all_cells, layout)):
            grid[all_cells.row[all_cells.column == position], position] = own
        cells = all_cells
        if unseen is not None and (unseen & observed).sum() >= FEW:
            cells = hidden_cells(predict, rows, layout, _at_most(unseen & observed, EVALUATIONS, rng))
        residuals, deviations = _by_column(_residuals(cells, layout), numbers)
        return cls(
            residuals,
            _label_calibration(cells, rows, layout),
            precision_of(grid[:, numbers]),
            LinearSpread.fit(rows, layout, deviations, training_rows),
        )

    def quantile(self, position: int, p) -> np.ndarray:
        """The normalised residual of a column below which a share p of them lies; 0 where no cell was hidden.

        The i-th smallest of n stands for i / (n + 1), as a new one falls below it with that probability; beyond the
        outermost ones it is these.
        """
        sorted_residuals = self.residuals[position]
        if not len(sorted_residuals):
            return np.zeros(np.shape(p))
        return np.interp(p, np.arange(1, len(sorted_residuals) + 1) / (len(sorted_residuals) + 1), sorted_residuals)

    def probabilities(self, position: int, predicted: np.ndarray) -> np.ndarray:
        """Calibrated probabilities of a column's levels, (rows, levels), False and True of a boolean; predicted: its
        targets."""
        return self.labels.probabilities(position, of_levels(predicted))

    def state(self) -> dict[str, torch.Tensor]:
        """Tensors that `from_state` makes it of."""
        parts = {
            "residuals": np.concatenate(self.residuals),
            "lengths": np.array([len(part) for part in self.residuals]),
            "temperature": np.array([self.labels.temperature]),
            "background": np.array([self.labels.background]),
            "frequencies": np.concatenate(self.labels.frequencies),
            "levels": np.array([len(part) for part in self.labels.frequencies]),
            "precision": self.precision,
            **vars(self.spread),
        }
        return {name: torch.from_numpy(part) for name, part in parts.items()}

    @classmethod
    def from_state(cls, state: dict[str, torch.Tensor]) -> CellCalibration:
        parts = {name: part.numpy() for name, part in state.items()}
        residuals, frequencies = (
            np.split(parts.pop(values), np.cumsum(parts.pop(lengths))[:-1])
            for values, lengths in (("residuals", "lengths"), ("frequencies", "levels"))
        )
        labels = LabelCalibration(parts.pop("temperature").item(), parts.pop("background").item(), frequencies)
        return cls(residuals, labels, parts.pop("precision"), LinearSpread(**parts))


def hidden_cells(predict: Predict, rows: Batch, layout: Layout, which: np.ndarray | None = None) -> HiddenCells:
    """Each observed cell of the rows, or each of these, (rows, columns) of bool, predicted as if it were missing."""
    if which is None:
        which = rows.observed[:, [block.start for block in layout.blocks]].numpy() > 0
    truth, column_of_feature = rows.values.numpy()[:, layout.targets], np.array(layout.column_of_feature)
    parts = [HiddenCells(*np.empty((2, 0), int), *np.empty((3, 0, truth.shape[1])))]
    for column in np.flatnonzero(which.any(axis=0)):
        at = np.flatnonzero(which[:, column])
        rest = rows[torch.from_numpy(at)].hide(torch.from_numpy(column_of_feature == column))
        parts.append(HiddenCells(at, np.full(len(at), column), truth[at], *predict(rest, int(column))))
    return HiddenCells(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _at_most(cells: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """So many of the cells, (rows, columns) of bool, drawn at random."""
    chosen = rng.permutation(np.flatnonzero(cells))[:count]
    return np.isin(np.arange(cells.size), chosen).reshape(cells.shape)


def _residuals(cells: HiddenCells, layout: Layout) -> list[np.ndarray]:
    """Of each column's cells, in the layout's order; they mean something for numbers."""
    found = []
    for position, at in enumerate(target_slices(layout)):
        of = cells.column == position
        found.append(((cells.truth[of, at] - cells.prediction[of, at]) / cells.deviation[of, at])[:, 0])
    return found


def _by_column(residuals: list[np.ndarray], numbers: list[int]) -> tuple[list[np.ndarray], np.ndarray]:
    """Sorted residuals of each column, empty where it is no number, and their root mean squares, 0 there.

    A column of few cells has residuals of the shape of all, and of a scale between its own and that of all.
    """
    found, scales = [np.empty(0) for _ in residuals], np.zeros(len(residuals))
    pooled = np.concatenate([residuals[i] for i in numbers]) if numbers else np.empty(0)
    if not len(pooled):
        return found, scales
    for i in numbers:
        squares, prior = float(np.sum(residuals[i] ** 2)), PRIOR_CELLS * (len(residuals[i]) < FEW)
        scales[i] = np.sqrt((squares + prior * np.mean(pooled**2)) / (len(residuals[i]) + prior))
    shape = np.concatenate([residuals[i] / (scales[i] or 1.0) for i in numbers])
    for i in numbers:
        found[i] = _thinned(residuals[i] if len(residuals[i]) >= FEW else shape * scales[i])
    return found, scales


def _label_calibration(cells: HiddenCells, rows: Batch, layout: Layout) -> LabelCalibration:
    columns, found = [], [np.empty(0) for _ in layout.blocks]
    values, observed = (part.numpy()[:, layout.targets] for part in (rows.values, rows.observed))
    for position, (block, at) in enumerate(zip(layout.blocks, target_slices(layout), strict=True)):
        if block.kind != "real":
            of = cells.column == position
            seen = values[observed[:, at.start] > 0, at].astype(float)
            found[position] = label_calibration.frequencies(of_levels(seen))
            columns.append((of_levels(cells.prediction[of, at]), of_levels(cells.truth[of, at]), position))
    return LabelCalibration.fit(columns, found)


def target_slices(layout: Layout) -> list[slice]:
    """Where each column's targets lie among all, in the layout's order."""
    stops = np.cumsum([block.target_width for block in layout.blocks])
    return [slice(stop - block.target_width, stop) for stop, block in zip(stops, layout.blocks, strict=True)]


def _thinned(residuals: np.ndarray) -> np.ndarray:
    ordered = np.sort(residuals)
    if len(ordered) <= KEPT:
        return ordered
    return np.quantile(ordered, np.arange(1, KEPT + 1) / (KEPT + 1))
