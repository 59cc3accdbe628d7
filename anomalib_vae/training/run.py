"""The state of a training, as callbacks see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from anomalib_vae.networks.network import Network


@dataclass
class TrainingRun:
    """One fit under way.

    network: the network in training.  parameters: the estimator's parameters, for logs.  save: writes the model as it
    stands to a folder that `anomalib_vae.load` reads.  history: one dict an epoch (epoch, seconds, learning_rate, the
    loss of each player, validation_loss where rows are held out).  stop: set it to True to end after this epoch.
    """

    network: Network
    max_epochs: int
    steps_per_epoch: int
    parameters: dict[str, Any] = field(default_factory=dict)
    save: Callable[[Any], Any] = lambda path: None
    epoch: int = 0
    step: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    stop: bool = False
    interrupted: bool = False

    @property
    def progress(self) -> float:
        return self.step / (self.max_epochs * self.steps_per_epoch)
