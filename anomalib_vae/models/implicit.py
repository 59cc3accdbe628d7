"""What models share that learn to generate rows first, and afterwards which code stands for a row."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import cast

from anomalib_vae.losses.likelihood import Likelihood
from anomalib_vae.losses.strategies import LIKELIHOODS
from anomalib_vae.models.encoder_decoder import EncoderDecoderModel
from anomalib_vae.networks.implicit import ImplicitNetwork
from anomalib_vae.parameters import parameter
from anomalib_vae.training.callbacks import ProgressBar
from anomalib_vae.training.coverage import CoverageWatch
from anomalib_vae.training.loop import train
from anomalib_vae.training.run import TrainingRun

WIDEST = 64  # code that is chosen for a user


class ImplicitModel(EncoderDecoderModel):
    """Base of the models with a generator x = G(z), z ~ N(0, I), and no density of its own to be trained by.

    After the generator an encoder is trained to find the code of a row, and the scale of what G can't make.
    `max_epochs`
    counts both trainings; `history_` is the generator's, and callbacks follow it alone.  Its column `coverage` is the
    share of training rows that have a generated one nearby: see `anomalib_vae.training.coverage.CoverageWatch`, which
    warns where a generator has collapsed.
    """

    likelihood: str | Likelihood = parameter(
        default="squared_error", options=tuple(LIKELIHOODS), doc="By which codes are looked for, and rows scored."
    )
    inversion: float = parameter(
        default=0.3, above=0.0, below=1.0, doc="Part of the epochs in which the encoder is trained, at the end."
    )

    def _latent_dims(self, columns):
        return (min(max(columns, 2), WIDEST) if self.latent_dim == "auto" else int(self.latent_dim),)

    def _watchers(self, data):
        targets = data[:].select(self.codec_.layout.targets)
        return [*super()._watchers(data), CoverageWatch(targets, seed=0)]

    def _plan(self, rows):
        """Of the generator's training."""
        plan = super()._plan(rows)
        return replace(plan, max_epochs=max(1, plan.max_epochs - self._epochs_of_the_encoder(plan)))

    def _epochs_of_the_encoder(self, whole) -> int:
        return max(1, round(self.inversion * whole.max_epochs))

    def _continue_training(self, data, generator):
        whole = super()._plan(len(data))
        plan = replace(whole, max_epochs=self._epochs_of_the_encoder(whole))
        inversion = cast(ImplicitNetwork, self.network_).inversion()
        run = TrainingRun(inversion, plan.max_epochs, math.ceil(len(data) / min(plan.batch_size, len(data))))
        progress = ProgressBar(self.verbose, f"{type(self).__name__}, encoder")
        train(inversion, data, plan, generator, run, callbacks=[progress])
