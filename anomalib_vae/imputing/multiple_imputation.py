"""How uncertain an imputer's values are: draws of what may stand in the gaps, intervals and probabilities.

Rubin 1987, "Multiple imputation for nonresponse in surveys": an analysis of each of several completed frames, put
together by `anomalib_vae.pool`, knows how sure it can be; one frame filled with expectations makes it too sure.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from anomalib_vae.codec.image import ImageCodec
from anomalib_vae.imputing import cell_intervals
from anomalib_vae.imputing.completion import Completion, RowCompletion
from anomalib_vae.imputing.gaps import Gaps
from anomalib_vae.imputing.images.completion import ImageCompletion
from anomalib_vae.imputing.images.gaps import ImageGaps
from anomalib_vae.imputing.series.completion import SeriesCompletion
from anomalib_vae.parameters import check_value


class MultipleImputation:
    """The part of an imputer that tells how sure it is; the imputer has a `model_` and says how gaps are filled."""

    model_: Any
    random_state: Any
    completion_: Completion

    def _read(self, X) -> tuple[Gaps | ImageGaps, Any]:
        """The gaps of X, and its rows as the completion reads them."""
        raise NotImplementedError

    def _completed(self, gaps: Gaps | ImageGaps, targets: np.ndarray) -> Any:
        """The frame, or images, with predicted targets, (rows, targets), in the gaps."""
        raise NotImplementedError

    def sample_imputations(self, X, m: int = 20) -> list:
        """What `transform` gives, m times, with draws of what may stand in the gaps in the place of expectations.

        A draw has one member of the model and one code of its posterior for each row, a residual as far off as those of
        calibration, and levels by their calibrated probabilities; see `UncertainCells.draws`.  Of images see
        `PixelCells.draws`.  Observed cells, bounds, delta and rounding are as in `transform`.  An int as random_state
        draws the same frames each time.
        """
        check_value("m", m, int, {"bounds": {"at_least": 1}})
        gaps, rows = self._read(X)
        return [self._completed(gaps, targets) for targets in self.completion_.cells(rows).draws(m, self._rng())]

    def intervals(self, X, level: float = 0.9) -> pd.DataFrame | dict[str, np.ndarray]:
        """The bounds between which a missing number or time lies with probability `level`, equal shares on both sides.

        The columns are (part, column), so `intervals(X)["low"]` and `["high"]` are pandas frames of the rows and
        columns of X, in its units and inside the range seen in training (and `bounds`).  Cells that were observed,
        labels and booleans are NaN there.  Of images these are two arrays of their shape in a dictionary, in float64.
        """
        gaps, rows = self._read(X)
        if isinstance(gaps, ImageGaps):
            return gaps.intervals(self.completion_.cells(rows), level)
        return cell_intervals.intervals(gaps, self.completion_.cells(rows), level)

    def probabilities(self, X) -> pd.DataFrame:
        """How probable each level of a missing label or boolean is: pandas columns (column, level), the rows of X.

        NaN where the cell was observed.  Raises ValueError for images, whose pixels are numbers.
        """
        gaps, rows = self._read(X)
        if isinstance(gaps, ImageGaps):
            raise ValueError("pixels have no levels to be probable: see intervals and sample_imputations for images")
        return cell_intervals.probabilities(gaps, self.completion_.cells(rows))

    def learned(self) -> dict[str, Any]:
        state = self.completion_.state()
        return super().learned() | ({"weights": state} if state else {})  # type: ignore[misc]

    def relearn(self, learned: dict[str, Any]) -> None:
        super().relearn(learned)  # type: ignore[misc]
        # no weights where a model alone was saved, or by an earlier version
        self.completion_ = self._completion_class.from_state(self.model_, learned.get("weights"))

    @property
    def _completion_class(self) -> Any:
        if isinstance(self.model_.codec_, ImageCodec):
            return ImageCompletion
        return SeriesCompletion if self.model_.rows_are_steps else RowCompletion

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(check_random_state(self.random_state).randint(2**31 - 1))
