"""What the training loop knows of a network: its players, and a loss for each of them."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from anomalib_vae.codec.batch import Batch


@dataclass(frozen=True)
class Step:
    """Where the training stands.  progress: the part that is done, 0 to 1.  generator: the only source of chance."""

    progress: float
    generator: torch.Generator


@dataclass(frozen=True)
class Player:
    """A part of a network that minimises a loss of its own.

    pace: its learning rate, in the plan's.  momentum: how much of the mean of earlier gradients Adam keeps; 0 where
    other players change what a gradient means.
    """

    parameters: list[nn.Parameter]
    pace: float = 1.0
    momentum: float = 0.9


class Network(nn.Module):
    """Members of the same shape, trained side by side: each parameter's first dimension is the member."""

    n_members: int
    code_width: int  # of one member

    # ------------------------------------------------------------------ training
    def players(self) -> dict[str, Player]:
        """Each player by its name; an optimiser and a loss for each (a VAE has one, a GAN two)."""
        return {"model": Player(list(self.parameters()))}

    def loss(self, player: str, batch: Batch, step: Step) -> Tensor:
        """What the player minimises, one number a member: (members,).  The batch is (members, rows, features)."""
        raise NotImplementedError

    def after_step(self, step: Step) -> None:
        """What follows the players once all of them have moved, such as averages of their parameters."""

    def validation_loss(self, batch: Batch) -> Tensor:
        """One number a member on rows held out, without chance: (members,)."""
        raise NotImplementedError

    def blame(self, batch: Batch) -> str:
        """The column with the largest, or a non-finite, share of the loss: the one to name when a fit breaks."""
        raise NotImplementedError

    # ------------------------------------------------------------------ use
    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype

    def in_single_precision(self) -> Self:
        """A copy that computes in float32: in half the time, to seven digits."""
        return copy.deepcopy(self).float()

    def encode(self, batch: Batch) -> Tensor:
        """The code of each row: (members, rows, code width)."""
        raise NotImplementedError

    def expect(self, code: Tensor) -> Tensor:
        """The targets that a code stands for: means and probabilities, (members, rows, targets)."""
        raise NotImplementedError

    def reconstruct(self, batch: Batch) -> Tensor:
        return self.expect(self.encode(batch))

    def score(self, batch: Batch) -> Tensor:
        """Higher = more normal: (members, rows)."""
        raise NotImplementedError

    def column_scores(self, batch: Batch) -> Tensor:
        """Each column's part of the score, (members, rows, columns) in the order of the layout."""
        raise NotImplementedError

    def predictive(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean and variance of what each cell may hold, given the row: (members, rows, targets) each."""
        raise NotImplementedError

    def generate(self, rows: int, generator: torch.Generator) -> Tensor:
        """The targets of new rows, drawn from the members in turn: (rows, targets)."""
        raise NotImplementedError
