"""What a fitted model says of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from sklearn.utils.validation import check_is_fitted

from anomalib_vae.codec.batch import Batch, Rows
from anomalib_vae.codec.image import ImageCodec
from anomalib_vae.codec.table import TableCodec
from anomalib_vae.models import left_out
from anomalib_vae.models.chunks import WINDOWS, evaluate
from anomalib_vae.models.codes import Codes, whole_number
from anomalib_vae.models.validation import checked


class Inference(Codes):
    """Scores of rows and of their cells, what is expected in these, and new rows.

    A subclass that looks at rows in another way than one by one says so in the methods that come last.
    """

    rows_are_steps: ClassVar[bool]
    _seed: Callable[[], int]

    def reconstruct(self, X):
        """What the model expects in each cell of X, given the row: a frame, or images, like X."""
        expected = self.expected_features(X)
        return self.codec_.decode(expected, index_of=X)

    def expected_features(self, X) -> np.ndarray:
        """`reconstruct` before decoding: (rows, targets of the codec's layout)."""
        return self._evaluate_cells(lambda batch: self.network_.reconstruct(batch).mean(0), self.rows(X))

    def score_samples(self, X) -> np.ndarray:
        """One number a row, (rows,): higher = more normal.  What it is in nats, the class's docstring says."""
        rows = self.rows(X)
        return self.by_row(self.score_batch(rows), rows)

    def score_batch(self, rows: Rows) -> np.ndarray:
        """`score_samples` of rows from `encode` or `rows`."""
        return self._evaluate(lambda batch: self.network_.score(batch).mean(0), rows)

    def column_scores(self, X) -> pd.DataFrame | np.ndarray:
        """Each column's part of the score's data term, (rows, columns), in nats: low where a cell is unusual given its
        row, 0 where it is missing.  Of images an array of their shape, a heat map."""
        scores = self._evaluate_cells(lambda batch: self.network_.column_scores(batch).mean(0), self.rows(X))
        if isinstance(self.codec_, ImageCodec):
            return self.codec_.as_images(scores)
        frame = pd.DataFrame(scores, columns=self.columns)[[str(name) for name in self.table_codec.names]]
        return frame.set_axis(X.index) if isinstance(X, pd.DataFrame) else frame

    def predictive(self, X, cells=None) -> left_out.Predictive:
        """What may stand in each cell, given its row: the mixture of the decoders of all members and latent draws.
        cells: (rows, columns in the layout's order) of bool; these are predicted as if their own value were missing."""
        rows = self.encode(X)
        return left_out.predictive(self.network_.predictive, self._evaluate, self.codec_.layout, rows, cells)

    def score(self, X, y=None) -> float:
        """The mean of `score_samples`, so that GridSearchCV can choose by it."""
        return float(np.mean(self.score_samples(X)))

    def sample(self, n_samples: int = 1):
        """New rows drawn from the model, a frame or images like those of training.  An int as random_state draws the
        same rows each time."""
        check_is_fitted(self)
        whole_number("n_samples", n_samples, 1)
        generator = torch.Generator(self._place()).manual_seed(self._seed())
        return self.codec_of_samples.decode(self._draw(n_samples, generator).cpu().numpy())

    @property
    def codec_of_samples(self) -> Any:
        """What decodes samples."""
        return self.codec_

    def _draw(self, rows: int, generator: torch.Generator) -> torch.Tensor:
        """Targets of new rows, (rows, targets)."""
        return self.network_.generate(rows, generator)

    def _place(self) -> torch.device:
        return self.network_.device

    def encode(self, X) -> Batch:
        """The rows of X as the codec sees them, (rows, features of the codec's layout)."""
        return self.rows(X)[:]

    def rows(self, X) -> Rows:
        """`encode` put off: each part of the rows is encoded when it is asked for."""
        check_is_fitted(self)
        return self.codec_.rows(checked(self, X, reset=False))

    @property
    def takes_images(self) -> bool:
        """Whether X may be a stack of images."""
        return not self.rows_are_steps

    @property
    def table_codec(self) -> TableCodec:
        """What reads and writes the cells of a row."""
        return self.codec_

    @property
    def columns(self) -> list[str]:
        """The names of the columns that scores have parts of, in the layout's order."""
        return self.table_codec.layout.columns

    def measured(self, X):
        """The columns of X that are modelled."""
        return X

    def data_space(self, rows: Batch) -> Batch:
        """Of rows from `encode`, one view of each column: what distances between rows are made of."""
        return rows.select(self.codec_.layout.targets)

    def _evaluate(self, function: Callable[[Batch], torch.Tensor], rows: Rows) -> np.ndarray:
        """What the function, of batches like those of `_for_network`, gives for the rows: (rows, ...)."""
        size = WINDOWS if self.rows_are_steps else None
        return evaluate(lambda chunk: function(self._for_network(chunk)), rows, size)

    def _evaluate_cells(self, function: Callable[[Batch], torch.Tensor], rows: Rows) -> np.ndarray:
        """`_evaluate` of a function that finds something for each target or column: (rows of the frame, ...)."""
        return self._evaluate(function, rows)

    def by_row(self, values: np.ndarray, rows: Rows) -> np.ndarray:
        """What was found of each of `rows(X)`, (rows,), as one for each row of X."""
        return values

    def _for_network(self, data: Batch) -> Batch:
        """(members, rows, features) in float64."""
        return data.to(self._place(), torch.float64).for_members(self.network_.n_members)
