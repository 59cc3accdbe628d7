"""What all models share: an estimator of the distribution of X, fitted by the one training loop."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from anomalib_vae.codec.batch import Batch, Layout
from anomalib_vae.codec.image import ImageCodec, is_images
from anomalib_vae.codec.table import TableCodec
from anomalib_vae.models.inference import Inference
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


class Model(Inference, Saved, Parameterized, BaseEstimator):
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
        return self._planned(rows, self.auto_steps, self.batch_size, self.learning_rate, self.weight_decay)

    def _planned(self, rows: int, auto_steps: int, batch_size: int, learning_rate: float, weight_decay: float) -> Plan:
        steps = math.ceil(rows / min(batch_size, rows))
        return Plan(
            max_epochs=math.ceil(auto_steps / steps) if self.max_epochs == "auto" else int(self.max_epochs),
            batch_size=batch_size,
            learning_rate=learning_rate,
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
