"""What all models share: an estimator of the distribution of X, fitted by the one training loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from anomalib_vae.codec.batch import Batch, Layout, Rows
from anomalib_vae.codec.image import ImageCodec, is_images
from anomalib_vae.codec.table import TableCodec
from anomalib_vae.models import left_out
from anomalib_vae.models.chunks import WINDOWS, evaluate
from anomalib_vae.models.codes import Codes, whole_number
from anomalib_vae.models.saved import Saved
from anomalib_vae.models.validation import check_surroundings, checked
from anomalib_vae.networks.layers import ACTIVATIONS
from anomalib_vae.networks.network import Network
from anomalib_vae.parameters import Parameterized, parameter
from anomalib_vae.training.callbacks import Callback, ProgressBar, listeners
from anomalib_vae.training.loop import Plan, train
from anomalib_vae.training.run import TrainingRun

AUTO_STEPS = 1200  # steps of a default training, for a table of any size; at least one pass
SAMPLE = 2048  # rows looked at for facts that need no more


class Model(Codes, Saved, Parameterized, BaseEstimator):
    """Base of all models.  A subclass builds its network in `_build`; everything else is here.

    Attributes after fit
    --------------------
    codec_ : TableCodec or ImageCodec, what was learned of each column or of the pixels.
    network_ : Network, in float64 and evaluation mode.
    history_ : DataFrame, one row an epoch: losses, learning rate, seconds.
    n_iter_ : number of epochs.
    typical_column_scores_ : each column's median part of the score in training, in nats, by name.
    n_features_in_, feature_names_in_ : as in scikit-learn.
    """

    latent_dim: int | str = parameter(default="auto", at_least=1, options=("auto",), doc="Width of the code.")
    hidden_dims: tuple[int, ...] = parameter(default=(128,), at_least=1, doc="Widths of the encoder's hidden layers.")
    n_members: int = parameter(default=1, at_least=1, doc="Networks trained side by side and averaged.")
    activation: str = parameter(default="relu", options=tuple(ACTIVATIONS), doc="Of the hidden layers.")
    dropout: float = parameter(default=0.0, at_least=0.0, below=1.0, doc="Share of hidden units dropped in training.")
    max_epochs: int | str = parameter(
        default="auto", at_least=1, options=("auto",), doc="'auto': as many as make the class's auto_steps."
    )
    batch_size: int = parameter(default=256, at_least=1, doc="Rows a step.")
    learning_rate: float = parameter(default=3e-3, above=0.0, doc="Peak of the schedule (Adam).")
    weight_decay: float = parameter(default=0.0, at_least=0.0, doc="Of AdamW.")
    validation_fraction: float = parameter(
        default=0.0, at_least=0.0, below=1.0, doc="Rows held out to choose the best epoch."
    )
    patience: int | None = parameter(
        default=None, at_least=1, doc="Epochs without improvement on these rows before stopping."
    )
    device: str = parameter(default="cpu", doc="A torch device: 'cpu', 'cuda', 'mps'.")
    callbacks: tuple[Any, ...] | None = parameter(default=None, doc="See anomalib_vae.training.callbacks.")
    random_state: int | np.random.RandomState | None = parameter(default=None, doc="Seed of everything random in here.")
    verbose: bool | None = parameter(default=None, doc="Progress bar; None: where a terminal is watching.")

    auto_steps: ClassVar[int] = AUTO_STEPS
    codec_class: ClassVar[Any] = TableCodec
    takes_tables: ClassVar[bool] = True
    rows_are_steps: ClassVar[bool] = False  # whether the order of rows says something; then rows can't be images

    # ------------------------------------------------------------------ fit
    def fit(self, X, y=None):
        """Learn the distribution of the rows of X; y is ignored.

        X: frame (pandas, polars, pyarrow) or array of shape (rows, columns), missing cells allowed; or images, an array
        of shape (n, height, width) or (n, height, width, channels), of uint8 or any other numbers, NaN where a pixel is
        missing.  A stack of images has a row for each image and a column for each pixel.
        Raises ValueError or TypeError naming the parameter or the column, TrainingDiverged if the loss left the finite.
        """
        self.check_parameters()
        check_surroundings(self.device, self.callbacks)
        X = checked(self, X, reset=True)
        generator = torch.Generator().manual_seed(self._seed())
        self.codec_ = self._fit_codec(X)
        data = self._training_rows(X, y)
        self.network_ = self._build(self.codec_.layout, generator).to(self.device)
        self.history_ = pd.DataFrame()
        try:
            run = self._train(data, generator)
        except BaseException:  # an unfinished network must not pass for a fitted one
            del self.network_
            raise
        self.history_, self.n_iter_ = pd.DataFrame(run.history), run.epoch
        self._finish()
        some = data[torch.randperm(len(data), generator=generator)[:SAMPLE]]
        self._after_training(data, some, generator)
        self.typical_column_scores_ = self._typical_column_scores(some)
        return self

    def _fit_codec(self, X) -> Any:
        return ImageCodec.fit(X) if is_images(X) else self.codec_class.fit(X)

    def _training_rows(self, X, y) -> Batch:
        """What is learned from, as the network reads it."""
        return self.codec_.encode(X)

    def _watchers(self, data: Batch) -> list[Callback]:
        """Callbacks of the model's own, which look after a training on these rows."""
        return []

    def _build(self, layout: Layout, generator: torch.Generator) -> Network:
        raise NotImplementedError

    def _before_training(self, data: Batch, generator: torch.Generator) -> None:
        """What the network learns of the rows before it is trained as a whole, on the device."""

    def _continue_training(self, data: Batch, generator: torch.Generator) -> None:
        """What is trained once the network as a whole has been, on the device."""

    def _after_training(self, data: Batch, some: Batch, generator: torch.Generator) -> None:
        """What is learned once the network stands, and warnings about a fit that went wrong.  some: a few of the rows
        of data, drawn at random, for facts that need no more."""

    def _train(self, data: Batch, generator: torch.Generator) -> TrainingRun:
        rows, held_out = self._split(len(data), generator)
        plan = self._plan(len(rows))
        run = TrainingRun(
            self.network_,
            max_epochs=plan.max_epochs,
            steps_per_epoch=math.ceil(len(rows) / min(plan.batch_size, len(rows))),
            parameters={"model": type(self).__name__, **self.get_params(deep=False)},
            save=self.save,
        )
        if self.device != "cpu":
            generator = torch.Generator(self.device).manual_seed(generator.initial_seed())
        moved, members = self._as_drawn(data.to(self.device), generator), self.network_.n_members
        learned_from = moved.take(rows)
        self._before_training(learned_from, generator)
        progress = ProgressBar(self.verbose, type(self).__name__)
        callbacks = [*self._watchers(learned_from), *(self.callbacks or ()), *listeners(), progress]
        run = train(
            self.network_,
            learned_from,
            plan,
            generator,
            run,
            held_out=moved[held_out].for_members(members) if len(held_out) else None,
            callbacks=callbacks,
        )
        self._continue_training(learned_from, generator)
        return run

    def _as_drawn(self, data: Batch, generator: torch.Generator) -> Any:
        """The rows as training is to see them, on the device: what `take` and `[rows]` give of them is a Batch's."""
        return data

    def _plan(self, rows: int) -> Plan:
        return self._planned(rows, self.auto_steps, self.batch_size, self.weight_decay)

    def _planned(self, rows: int, auto_steps: int, batch_size: int, weight_decay: float) -> Plan:
        steps = math.ceil(rows / min(batch_size, rows))
        return Plan(
            max_epochs=math.ceil(auto_steps / steps) if self.max_epochs == "auto" else int(self.max_epochs),
            batch_size=batch_size,
            learning_rate=self.learning_rate,
            weight_decay=weight_decay,
            patience=self.patience,
        )

    def _split(self, rows: int, generator: torch.Generator):
        held_out = min(math.ceil(self.validation_fraction * rows), rows - 1)
        order = torch.randperm(rows, generator=generator)
        return order[held_out:], order[:held_out]

    def _seed(self) -> int:
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _typical_column_scores(self, some: Batch) -> dict[str, float]:
        """By column, the median of its part of the score in these rows."""
        typical = self.network_.column_scores(self._for_network(some)).mean(0).median(0).values
        return dict(zip(self.columns, typical.tolist(), strict=True))

    def _finish(self) -> None:
        """float64 makes a row's score independent of the rows beside it and of the thread count, to about 1e-13."""
        self.network_ = (self.network_.cpu() if self.device == "mps" else self.network_).double().eval()
        self.network_.requires_grad_(False)

    # ------------------------------------------------------------------ after fit
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

    # ------------------------------------------------------------------ contract
    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = tags.input_tags.two_d_array = self.takes_tables
        tags.input_tags.three_d_array = self.takes_images
        tags.transformer_tags.preserves_dtype = []
        return tags
