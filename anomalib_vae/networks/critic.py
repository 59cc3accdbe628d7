"""What tells rows of training from rows that a generator made."""

from __future__ import annotations

from typing import Any

from torch import Generator, Tensor, nn

from anomalib_vae.codec.batch import Batch
from anomalib_vae.networks.inputs import Inputs
from anomalib_vae.networks.layers import StackedLinear


class Critic(nn.Module):
    """Reads the targets of rows and which of them are missing; gives logits, high for rows of training.

    reader: (members, rows, inputs) to (members, rows, its width), the critic's features.
    """

    def __init__(self, inputs: Inputs, reader: Any, n_members: int, outputs: int, generator: Generator):
        super().__init__()
        self.inputs, self.reader = inputs, reader
        self.head = StackedLinear(n_members, reader.width, outputs, generator)

    def features(self, targets: Batch) -> Tensor:
        return self.reader(self.inputs(targets))

    def forward(self, targets: Batch) -> Tensor:
        """Rows (members, rows, targets) to (members, rows, outputs)."""
        return self.head(self.features(targets))
