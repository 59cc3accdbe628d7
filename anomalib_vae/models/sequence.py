"""The variational autoencoder of time series."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar, cast

import numpy as np
import pandas as pd
import torch

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.series import SeriesCodec
from anomalib_vae.codec.windows import Windows
from anomalib_vae.losses.gaussian import Gaussian
from anomalib_vae.models.chunks import PART
from anomalib_vae.models.left_out import Predictive
from anomalib_vae.models.vae import VAE
from anomalib_vae.networks.observation import mixture_moments
from anomalib_vae.networks.sequence import HIDDEN_DIMS, SequenceLadder, SequenceNetwork
from anomalib_vae.parameters import parameter

AT_ONCE = 4 * PART  # windows whose steps are in memory at once


class SequenceVAE(VAE):
    """A VAE of windows of a time series: one code for so many steps in a row, of all sensors.

    The rows of X are steps in time order, its columns sensors: numbers, labels, truth values, with missing cells.
    `score_samples` gives each row the mean over the windows that hold it of the window's ELBO, in nats a step.

    window: "auto" takes the dominant period of the training series, see `codec.period.dominant_period`.  A series
    shorter than a window is one window, in which nothing is known of the steps before it.

    time: with stamps, missing steps are known to be missing, and a window does not reach over an interruption as long
    as itself.  Stamps must ascend; those that are missing or given twice are refused with their rows.  series: windows
    never hold rows of two series, whose rows may lie apart in the frame; a series not seen in training is fine.

    `transform` gives the code of the window with the row in its middle, or as near to it as the series has one;
    `inverse_transform` the middle step of the window that a code stands for.  `reconstruct` and `sample` give frames of
    the sensors, without the columns of time and series.

    Attributes after fit, beside those of a VAE: window_, steps in a window.
    """

    backbone: str = parameter(
        default="dense", options=tuple(HIDDEN_DIMS), doc="What reads and writes windows; see `networks.sequence`."
    )
    window: int | str = parameter(default="auto", at_least=1, options=("auto",), doc="Steps in a window.")
    time: str | int | None = parameter(default=None, doc="Column of stamps: dates, durations or numbers.")
    series: str | int | None = parameter(default=None, doc="Column that tells series apart, such as machines.")
    n_levels: int = parameter(default=1, at_least=1, doc="Levels of latent variables, each half as wide as the last.")
    codes: str = parameter(
        default="step", options=("step", "series"), doc="Rows of `transform`: steps, or series in order of appearance."
    )

    latent_dim: int | str = parameter(default=16, at_least=1, options=("auto",), doc="Width of a window's code.")
    hidden_dims: tuple[int, ...] | None = parameter(  # type: ignore[assignment]
        default=None, at_least=1, doc="Widths of the encoder's hidden layers; None: such as suit the backbone."
    )
    n_members = 2
    batch_size = 128
    unused: ClassVar = {
        "n_bins": "the steps of a window are read as they are",
        "channels": "the convolutions of windows have the widths in hidden_dims",
    }
    auto_steps = 800
    codec_class = SeriesCodec
    rows_are_steps = True

    # ------------------------------------------------------------------ fit
    def _fit_codec(self, X):
        return SeriesCodec.fit(X, time=self.time, series=self.series, window=self.window)

    def _build(self, layout, generator):
        network = SequenceNetwork if self.n_levels == 1 else SequenceLadder
        return network(layout, self._architecture(layout), generator)

    def _architecture(self, layout):
        return replace(super()._architecture(layout), backbone=self._reads_with())

    def _reads_with(self) -> str:
        """The backbone, as the network knows it."""
        return self.backbone

    def _widths(self) -> tuple[int, ...]:
        if self.hidden_dims is None:
            return HIDDEN_DIMS[self._reads_with()]
        if not self.hidden_dims and self._reads_with() != "dense":
            raise ValueError(
                f"{type(self).__name__}.hidden_dims must name at least one width for the backbone "
                f"{self._reads_with()!r}, got {self.hidden_dims!r}"
            )
        return tuple(self.hidden_dims)

    def _latent_dims(self, columns):
        (lowest,) = super()._latent_dims(columns)
        return tuple(max(1, lowest // 2**level) for level in range(self.n_levels))

    def _split(self, rows, generator):
        """Windows are held out from the end of the training data: neighbours at random would be all but the same."""
        order = torch.randperm(rows, generator=generator)
        held_out = min(int(np.ceil(self.validation_fraction * rows)), rows - 1)
        return order[order < rows - held_out], torch.arange(rows - held_out, rows)

    def _after_training(self, data, some, generator):
        network, batch = cast(SequenceNetwork, self.network_), self._for_network(some)
        if type(network.architecture.likelihood) is Gaussian and network.observation.real.stop:
            network.observation.settle_scales(network.decode(network.encode(batch)), batch)
        super()._after_training(data, some, generator)

    def _typical_column_scores(self, some):
        scores = self.network_.column_scores(self._for_network(some)).mean(0)
        typical = self.codec_.layout.of_columns.split(scores).flatten(0, 1).median(0).values
        return dict(zip(self.columns, typical.tolist(), strict=True))

    # ------------------------------------------------------------------ after fit
    @property
    def window_(self) -> int:
        return self.codec_.window

    @property
    def table_codec(self):
        return self.codec_.table

    def measured(self, X):
        return self.codec_.timeline.sensors(X)

    def data_space(self, rows):
        return rows

    def by_row(self, values, rows):
        return rows.spread(values)

    def transform(self, X):
        """The code of each row, (rows, members x latent_dim), or with codes="series" of each series, the mean of its
        rows' codes, (series, members x latent_dim)."""
        windows, of_rows = cast(Windows, self.rows(X)).centred()
        codes = self._evaluate(lambda batch: self.network_.encode(batch).movedim(0, 1).flatten(1), windows)[of_rows]
        if self.codes == "step":
            return codes
        series = pd.factorize(self.codec_.timeline.keys(X))[0]
        return np.stack([codes[series == one].mean(0) for one in range(series.max() + 1)])

    def predictive(self, X, cells=None):
        """What may stand in each cell given the windows that hold it, its own value as well, which is one of many there
        (`cells` makes no difference): the mixture of the decoders of all these windows, members and latent draws."""

        def moments(batch: Batch) -> torch.Tensor:
            mean, variance = mixture_moments(*self.network_.predictive(batch), dim=0)
            return torch.stack([self._steps_of(mean), self._steps_of(variance + mean.square())], -1)

        mean, square = np.moveaxis(self._overlap(moments, cast(Windows, self.rows(X))), -1, 0)
        return Predictive(mean, np.sqrt(np.maximum(square - mean**2, 0.0)))

    def _evaluate_cells(self, function, rows):
        return self._overlap(lambda batch: self._steps_of(function(batch)), cast(Windows, rows))

    def _overlap(self, function: Callable[[Batch], torch.Tensor], windows: Windows) -> np.ndarray:
        """What a function finds of each step of windows, as the mean over those that hold a row: (rows, ...)."""
        return windows.overlap(lambda part: self._evaluate(function, part), AT_ONCE)

    def _draw(self, rows, generator):
        windows = self.network_.generate(math.ceil(rows / self.window_), generator)
        return self.codec_.layout.split(windows).flatten(0, 1)[:rows]

    def _cells_of(self, targets):
        return self.codec_.layout.split(targets)[:, self.window_ // 2]

    def _steps_of(self, targets: torch.Tensor) -> torch.Tensor:
        """Of targets or columns of windows, (..., features), those of each step, (..., length, features of a step)."""
        layout = self.codec_.layout
        layout = layout if targets.shape[-1] == layout.width else layout.of_columns
        return layout.split(targets)
