"""What tells an imputer what may stand in missing cells: of rows that stand for themselves, a model's network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, Self

import numpy as np
import torch
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator

from anomalib_vae.codec.batch import Batch, Layout, Rows
from anomalib_vae.imputing.cell_calibration import CellCalibration
from anomalib_vae.imputing.uncertain_cells import UncertainCells, expected_and_deviation
from anomalib_vae.models import conditional
from anomalib_vae.models.left_out import LeftOut

NOT_CALIBRATED = (
    "this imputer fills gaps but is not calibrated: fit a VAEImputer, with the model inside a FrozenEstimator if it is "
    "to stay as it is"
)


class Numbers(Protocol):
    """What may stand in the cells of some rows that hold numbers, such as pixels; see `UncertainCells`."""

    @property
    def prediction(self) -> np.ndarray: ...

    def bound(self, share: float) -> np.ndarray: ...

    def draws(self, m: int, rng: np.random.Generator) -> Iterator[np.ndarray]: ...


class Cells(Numbers, Protocol):
    """The same of cells that hold labels too."""

    def probabilities(self, position: int) -> np.ndarray: ...


def bounds(cells: Numbers, level: float) -> dict[str, np.ndarray]:
    """The targets between which numbers lie with probability `level`, "low" and "high", (rows, targets) each."""
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, as 0.9 for intervals of 90 %, got {level!r}")
    return {"low": cells.bound((1 - level) / 2), "high": cells.bound((1 + level) / 2)}


class Completion(Protocol):
    """codec: decodes targets, (rows, targets), to cells.  `read` makes of a frame the rows that the others take."""

    codec: Any

    def read(self, X: Any) -> Any: ...

    def expected(self, rows: Any) -> np.ndarray: ...

    def cells(self, rows: Any) -> Any: ...

    def state(self) -> dict[str, torch.Tensor]: ...


class RowCompletion:
    """Each missing cell gets what the network expects given its row.

    calibration: of cells hidden from that, or None in an imputer that was never fitted.
    """

    def __init__(self, model: Any, calibration: CellCalibration | None = None):
        self.model, self.codec, self.calibration = model, model.codec_, calibration
        self.network = model.network_.in_single_precision()  # digits enough for what fills a cell

    @classmethod
    def fit(cls, model: Any, trained: Any, held_out: Any, rng: np.random.Generator) -> Self:
        """Learn from observed cells how far they lie from what is predicted of them.

        trained: the rows that the model was fitted to; held_out: others, or None.  Without these a model may have in
        `unseen_cells_` cells that it has not learned from, predicted from the rest of their rows, by column.
        """
        completion, layout = cls(model), model.codec_.layout
        rows = model.encode(trained if held_out is None else held_out)
        unseen = _unseen_cells(model, rows) if held_out is None else None

        def predict(hidden: Batch) -> tuple[np.ndarray, np.ndarray]:
            return expected_and_deviation(completion.network, hidden)

        completion.calibration = CellCalibration.fit(predict, rows, layout, rng, len(trained), unseen)
        return completion

    @classmethod
    def from_state(cls, model: Any, state: dict[str, torch.Tensor] | None) -> Self:
        return cls(model, None if state is None else CellCalibration.from_state(state))

    def state(self) -> dict[str, torch.Tensor]:
        return {} if self.calibration is None else self.calibration.state()

    def read(self, X: Any) -> Rows:
        return self.model.rows(X)

    def expected(self, rows: Rows) -> np.ndarray:
        return conditional.expected(self.network, rows)

    def cells(self, rows: Rows) -> UncertainCells:
        if self.calibration is None:
            raise NotFittedError(NOT_CALIBRATED)
        return UncertainCells.of(self.network, rows[:], self.calibration)


def _unseen_cells(model: Any, rows: Batch) -> list[LeftOut] | None:
    """The cells of these rows from which the model has not learned; None where it does not say.

    A frozen model may have learned from other rows: as far as these are concerned, any cell will do.
    """
    if not isinstance(model, FrozenEstimator):
        return vars(model).pop("unseen_cells_", None)  # of these rows alone, so of no use later
    unseen = getattr(model.estimator, "unseen_cells_", None)
    return unseen if unseen is not None and _are_of(unseen, rows, model.codec_.layout) else None


def _are_of(cells: list[LeftOut], rows: Batch, layout: Layout) -> bool:
    """Whether the cells, by column, are cells of these rows."""
    values = rows.values[:, layout.targets].numpy()
    return all(
        part.row.max(initial=-1) < len(rows) and np.array_equal(values[part.row, at], part.truth)
        for part, at in zip(cells, layout.target_slices, strict=True)
    )
