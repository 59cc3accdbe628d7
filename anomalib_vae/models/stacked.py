"""The stacked autoencoder."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import cast

from anomalib_vae.models.autoencoder import Autoencoder
from anomalib_vae.networks.autoencoder import AutoencoderNetwork
from anomalib_vae.networks.layerwise import TiedLayer
from anomalib_vae.parameters import parameter
from anomalib_vae.training.loop import Plan, train
from anomalib_vae.training.run import TrainingRun


class StackedAutoencoder(Autoencoder):
    """A deep autoencoder whose layers are first trained one by one, each to give back what the one below it gives.

    Hinton & Salakhutdinov 2006; Bengio et al. 2007, "Greedy layer-wise training of deep networks"; Vincent et al. 2010,
    "Stacked denoising autoencoders" (with a `corruption`).  The decoder starts from the transposed weights of the
    encoder, then all layers are fine-tuned together.  `max_epochs` counts both; `history_` is that of the fine-tuning,
    and callbacks follow it alone.  Layers are dense, of images too: convolutions have no such transposes here.
    `score_samples` is that of `Autoencoder`.
    """

    pretraining: float = parameter(
        default=0.3, at_least=0.0, below=1.0, doc="Part of the epochs in which layers are trained one by one; 0: none."
    )

    hidden_dims = (128, 64)
    activation = "sigmoid"
    backbone: str = parameter(default="dense", options=("dense",), doc="What reads and writes.")

    def _before_training(self, data, generator):
        network, whole = cast(AutoencoderNetwork, self.network_), super()._plan(len(data))
        plan = replace(whole, max_epochs=self._epochs_of_a_layer(whole))
        for level in range(self._n_layers if self.pretraining else 0):
            layer = TiedLayer(network, level)
            steps = math.ceil(len(data) / min(plan.batch_size, len(data)))
            train(layer, data, plan, generator, TrainingRun(layer, plan.max_epochs, steps))
            layer.untie()

    def _plan(self, rows):
        """Of the fine-tuning."""
        plan = super()._plan(rows)
        spent = self._n_layers * self._epochs_of_a_layer(plan)
        return replace(plan, max_epochs=max(1, plan.max_epochs - spent))

    def _epochs_of_a_layer(self, whole: Plan) -> int:
        return max(1, round(self.pretraining * whole.max_epochs / self._n_layers)) if self.pretraining else 0

    @property
    def _n_layers(self) -> int:
        return len(self.hidden_dims) + 1
