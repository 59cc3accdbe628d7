"""How far the cells of a frame lie from what is predicted of them, told by cells that were hidden from the prediction.

Numbers: split conformal prediction with normalised residuals (Lei, G'Sell, Rinaldo, Tibshirani and Wasserman 2018,
"Distribution-free predictive inference for regression").  Labels: see `label_calibration`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from anomalib_vae.codec.batch import Batch, Layout
from anomalib_vae.imputing import label_calibration
from anomalib_vae.imputing.joint_residuals import precision_of
from anomalib_vae.imputing.label_calibration import LabelCalibration, of_levels
from anomalib_vae.imputing.parameter_uncertainty import LinearSpread
from anomalib_vae.models.left_out import LeftOut

EVALUATIONS = 8192  # hidden cells, of all columns together
PRIOR_CELLS = 20.0  # a column of few hidden cells with as many has a scale halfway between its own and that of all
LEAST_ROWS = 200  # in which cells are hidden, where there are as many
KEPT = 1000  # residuals of a column: the quantiles of more
FEW = 100  # hidden cells, below which a column takes the shape of its residuals from all columns
LEAST_UNSEEN = 30  # of all columns: fewer tell less than cells that the model may know by heart

Predict = Callable[[Batch], tuple[np.ndarray, np.ndarray]]


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
        unseen: list[LeftOut] | None = None,
    ) -> CellCalibration:
        """Hide observed cells of the rows, one of each row at a time, so that as many others are missing as usual.

        predict: encoded rows to predicted targets and their deviations, each (rows, targets).  training_rows: how many
        the model has learned from.  unseen: cells that it has not learned from, where it has learned from these rows:
        they alone tell how far predictions are off, where there are enough.
        """
        most = max(EVALUATIONS // len(layout.blocks), LEAST_ROWS)
        some = rows if len(rows) <= most else rows[np.sort(rng.choice(len(rows), most, replace=False))]
        cells = hidden_cells(predict, some, layout)
        numbers = [position for position, block in enumerate(layout.blocks) if block.kind == "real"]
        grid = np.full((len(some), len(layout.blocks)), np.nan)
        for position, part in enumerate(cells):
            grid[part.row, position] = _residuals(part)
        if unseen is not None and sum(len(part.row) for part in unseen) >= LEAST_UNSEEN:
            cells = unseen
        residuals, deviations = _by_column([_residuals(part) for part in cells], numbers)
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


def hidden_cells(predict: Predict, rows: Batch, layout: Layout) -> list[LeftOut]:
    """Each observed cell of the rows, predicted as if it were missing, in the layout's order of columns."""
    column_of_feature, found = torch.tensor(layout.column_of_feature), []
    for column, (block, at) in enumerate(zip(layout.blocks, layout.target_slices, strict=True)):
        observed = torch.nonzero(rows.observed[:, block.start]).flatten()
        whole = rows[observed]
        rest, nothing = whole.hide(column_of_feature == column), np.empty((0, len(layout.targets)))
        predicted = predict(rest) if len(whole) else (nothing, nothing)
        truth = whole.values[:, layout.targets[at]].numpy()
        found.append(LeftOut(observed.numpy(), truth, *(part[:, at] for part in predicted)))
    return found


def _residuals(cells: LeftOut) -> np.ndarray:
    """In deviations, (cells,); they mean something for numbers."""
    return ((cells.truth - cells.prediction) / cells.deviation)[:, 0]


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


def _label_calibration(cells: list[LeftOut], rows: Batch, layout: Layout) -> LabelCalibration:
    columns, found = [], [np.empty(0) for _ in layout.blocks]
    values, observed = (part.numpy()[:, layout.targets] for part in (rows.values, rows.observed))
    for position, (block, at) in enumerate(zip(layout.blocks, layout.target_slices, strict=True)):
        if block.kind != "real":
            seen = values[observed[:, at.start] > 0, at].astype(float)
            found[position] = label_calibration.frequencies(of_levels(seen))
            columns.append((of_levels(cells[position].prediction), of_levels(cells[position].truth), position))
    return LabelCalibration.fit(columns, found)


def _thinned(residuals: np.ndarray) -> np.ndarray:
    ordered = np.sort(residuals)
    if len(ordered) <= KEPT:
        return ordered
    return np.quantile(ordered, np.arange(1, KEPT + 1) / (KEPT + 1))
