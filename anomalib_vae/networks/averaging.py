"""Averages of weights, which stand in for what learned against an opponent once it is used."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from anomalib_vae.networks.network import Step

CATCHING_UP = 0.1  # part of the training over which the average takes on its full length


class Averaged(nn.Module):
    """A network that learns; in use the average of its weights over the last steps, which no optimiser moves.

    Yazıcı et al. 2019, "The unusual effectiveness of averaging in GAN training".
    """

    def __init__(self, learner: nn.Module):
        super().__init__()
        self.learner, self.average = learner, copy.deepcopy(learner).requires_grad_(False)

    def forward(self, *inputs) -> Tensor:
        return (self.learner if self.training else self.average)(*inputs)

    @torch.no_grad()
    def follow(self, averaging: float, step: Step) -> None:
        """Take the average a step towards the learner; a long one at the beginning, when little is worth keeping.

        averaging: what a step keeps."""
        kept = averaging * min(1.0, step.progress / CATCHING_UP)
        torch._foreach_lerp_(list(self.average.parameters()), list(self.learner.parameters()), 1.0 - kept)
