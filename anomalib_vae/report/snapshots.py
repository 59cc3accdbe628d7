"""A callback that keeps samples of a network as it learns."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from anomalib_vae.models.codes import whole_number
from anomalib_vae.networks.network import Network
from anomalib_vae.report.draws import expected_draws
from anomalib_vae.training.callbacks import Callback
from anomalib_vae.training.run import TrainingRun

MOMENTS = 8  # where the caller does not say how often


class SampleSnapshots(Callback):
    """Keeps samples of the same codes, before the training and every so many epochs, for `samples_over_time`.

    n_samples: how many.  every: epochs from one moment to the next; None for about eight moments in all.  The last
    epoch is one of them, also that of a training that ends early.  seed: of the codes, and of whatever else a sample
    depends on: it is the same at each moment.
    moments: the epochs kept so far, 0 being before the training, with the targets, (n_samples, targets), of each.
    Of a VAE they are means of p(x|z), without the noise of single pixels.  The training does not feel it: it has a
    generator of its own, and leaves the network as it was.  An autoencoder learns where its codes lie at the end only,
    so its samples are of standard normal codes.
    """

    moments: dict[int, np.ndarray]

    def __init__(self, n_samples: int = 10, every: int | None = None, seed: int = 0):
        whole_number("n_samples", n_samples, 1)
        if every is not None:
            whole_number("every", every, 1)
        self.n_samples, self.every, self.seed = n_samples, every, seed
        self.moments = {}

    def on_fit_begin(self, run: TrainingRun) -> None:
        self.moments = {0: self._sample(run.network)}

    def on_epoch_end(self, run: TrainingRun) -> None:
        every = self.every or math.ceil(run.max_epochs / (MOMENTS - 1))
        if run.epoch % every == 0 or run.epoch == run.max_epochs or run.stop:
            self.moments[run.epoch] = self._sample(run.network)

    def _sample(self, network: Network) -> np.ndarray:
        generator = torch.Generator(network.device).manual_seed(self.seed)
        with at_rest(network), torch.no_grad():
            return expected_draws(network, self.n_samples, generator).cpu().numpy()


@contextmanager
def at_rest(network: Network) -> Iterator[None]:
    """Within this block the network is in evaluation mode; after it, each of its parts is in the mode it was in."""
    modes = {part: part.training for part in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode
