"""The generative moment matching network."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, cast

import torch

from anomalib_vae.codec.image import ImageLayout
from anomalib_vae.models.implicit import ImplicitModel
from anomalib_vae.networks.matching import Architecture, MatchingNetwork
from anomalib_vae.parameters import parameter
from anomalib_vae.training.loop import Plan, train
from anomalib_vae.training.run import TrainingRun

WIDEST, MATCHED_WIDTH = 10, 16  # codes chosen for a user: of the generator, and of the autoencoder
ENOUGH = 1000  # rows to know their distances by


class GenerativeMatchingNetwork(ImplicitModel):
    """Generative moment matching network: a generator x = G(z), z ~ N(0, I), whose rows have the law of training rows.

    Li, Swersky & Zemel 2015, "Generative moment matching networks"; Dziugaite, Roy & Ghahramani 2015.  In place of a
    critic, training minimises the squared maximum mean discrepancy (MMD²) of the batch and as many generated rows; see
    `anomalib_vae.losses.mmd`.  Of images the codes of an autoencoder are matched, which is trained first (their
    "GMMN+AE"): distances of pixels tell little, and what it decodes is an image whatever the code.  The larger
    batch_size, the less chance is in MMD².

    `score_samples` is log p(x | G(E(x))) in nats, a Gaussian of learned scale, with an encoder E that is trained last:
    what G can't make is unusual.  It is no bound of log p(x).  latent_dim "auto": as many as columns or pixels, at most
    10.  `max_epochs` counts all trainings; `history_` is the generator's.
    """

    matched: str = parameter(
        default="auto",
        options=("auto", "rows", "codes"),
        doc="What gets the law of training: 'auto', codes of images, rows of tables.",
    )
    pretraining: float = parameter(
        default=0.3, above=0.0, below=1.0, doc="Part of the epochs before the encoder's that 'codes' are learned in."
    )

    hidden_dims = (128, 128)
    learning_rate = 0.01
    auto_steps = 3000
    network_class = MatchingNetwork
    architecture_class = Architecture

    def _latent_dims(self, columns):
        return (min(max(columns, 2), WIDEST) if self.latent_dim == "auto" else int(self.latent_dim),)

    def _architecture(self, layout) -> Any:
        return replace(super()._architecture(layout), matched_width=MATCHED_WIDTH if self._matches_codes(layout) else 0)

    def _matches_codes(self, layout) -> bool:
        return self.matched == "codes" or (self.matched == "auto" and isinstance(layout, ImageLayout))

    def _before_training(self, data, generator):
        network = cast(MatchingNetwork, self.network_)
        if network.autoencoder is not None:
            plan = super()._plan(len(data))
            plan = replace(plan, max_epochs=self._epochs_of_the_autoencoder(plan))
            steps = math.ceil(len(data) / min(plan.batch_size, len(data)))
            run = TrainingRun(network.autoencoder, plan.max_epochs, steps)
            train(network.autoencoder, data, plan, generator, run)
        some = torch.randperm(len(data), generator=generator, device=generator.device)[:ENOUGH]
        network.fit_scales(data[some].for_members(network.n_members))

    def _plan(self, rows):
        """Of the generator's training."""
        plan = super()._plan(rows)
        spent = self._epochs_of_the_autoencoder(plan) if self._matches_codes(self.codec_.layout) else 0
        return replace(plan, max_epochs=max(1, plan.max_epochs - spent))

    def _epochs_of_the_autoencoder(self, plan: Plan) -> int:
        return max(1, round(self.pretraining * plan.max_epochs))
