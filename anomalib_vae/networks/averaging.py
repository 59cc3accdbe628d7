"""Averages of weights, which stand in for what learned against an opponent once it is used."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from anomalib_vae.networks.network import Step

CATCHING_UP = 0.1  # part of the training over which the average takes on its full length


def average_of(learner: nn.Module) -> nn.Module:
    """A copy that no optimiser moves, to `follow` the learner."""
    return copy.deepcopy(learner).requires_grad_(False)


@torch.no_grad()
def follow(average: nn.Module, learner: nn.Module, averaging: float, step: Step) -> None:
    """Take the average a step towards the learner; at the beginning, when there is little worth keeping, a long one.

    averaging: what a step keeps.  Yazıcı et al. 2019, "The unusual effectiveness of averaging in GAN training".
    """
    kept = averaging * min(1.0, step.progress / CATCHING_UP)
    torch._foreach_lerp_(list(average.parameters()), list(learner.parameters()), 1.0 - kept)


class Averaged(nn.Module):
    """A network that learns; in use the average of its weights over the last steps."""

    def __init__(self, learner: nn.Module):
        super().__init__()
        self.learner, self.average = learner, average_of(learner)

    def forward(self, *inputs) -> Tensor:
        return (self.learner if self.training else self.average)(*inputs)

    def follow(self, averaging: float, step: Step) -> None:
        follow(self.average, self.learner, averaging, step)
