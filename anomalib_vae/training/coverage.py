"""A watch over what a generator makes: a collapse is told while it happens."""

from __future__ import annotations

import warnings

import torch

from anomalib_vae.codec.batch import Batch
from anomalib_vae.metrics.neighbourhoods import coverage
from anomalib_vae.training.callbacks import Callback

LOOKS = 10  # over a whole training
ROWS = 300  # to be covered, and as many generated ones of each member
LEAST_STEPS = 100  # a generator that has hardly begun has not collapsed
COLLAPSED = 0.1  # of the rows covered, in the second half of a training


class CoverageWatch(Callback):
    """Writes to the history, ten times in a training, the share of training rows that have a generated one nearby.

    It is the coverage of Naeem et al. 2020 in the space of the data, the least of all members', in the column
    `coverage`.  Below a tenth in the second half of the training it warns, once, that the generator has collapsed.

    targets: rows of training as a generator makes them, (rows, targets); in generated rows the same cells are missing.
    seed: of the rows that are generated for this; the training does not notice.
    """

    def __init__(self, targets: Batch, seed: int):
        self.targets, self.seed, self.warned = targets[:ROWS], seed, False

    def on_epoch_end(self, run):
        every = max(1, run.max_epochs // LOOKS)
        if len(self.targets) > 5 and (run.epoch % every == 0 or run.epoch == run.max_epochs):
            run.history[-1]["coverage"] = found = self.look(run.network)
            late = run.progress >= 0.5 and run.step >= LEAST_STEPS
            if found < COLLAPSED and late and not self.warned:
                self.warned = True
                warnings.warn(
                    f"the generator has collapsed: in epoch {run.epoch} of {run.max_epochs} its rows cover "
                    f"{found:.0%} of the training rows. Raise gradient_penalty or max_epochs, or lower learning_rate.",
                    stacklevel=2,
                )

    @torch.no_grad()
    def look(self, network) -> float:
        """The coverage of these rows by the network's, 0 to 1."""
        rows, members, was_training = len(self.targets), network.n_members, network.training
        generator = torch.Generator(self.targets.values.device).manual_seed(self.seed)
        made = network.eval().generate(rows * members, generator)
        network.train(was_training)
        of_members = made.unflatten(0, (rows, members)).unbind(1)
        return min(coverage(self.targets.values, values * self.targets.observed) for values in of_members)
