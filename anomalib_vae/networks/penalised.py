"""What a critic minimises whose slope at rows of training is penalised."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from anomalib_vae.codec.batch import Batch
from anomalib_vae.losses.adversarial import critic_loss, gradient_penalty

PENALISED = 0.25  # of the critic's steps, at random, so many times as much: the penalty costs as much as a step
PACE = 2.0  # two time-scales (Heusel et al. 2017): the critic shall keep up with the generator


def penalised_critic_loss(
    judge: Callable[[Batch], Tensor], real: Batch, fake: Batch, weight: float, generator: Generator
) -> Tensor:
    """The critic's loss on real and fake targets, in nats, with so much of R1 at the real ones: (members,).

    judge: targets (members, rows, targets) to logits, (members, rows), or (members, rows x patches) where each row has
    a verdict for each of its patches; the penalty is then the patches' mean, were they apart.
    """
    penalised = bool(torch.rand((), generator=generator, device=fake.values.device) < PENALISED)
    values = real.values.detach().requires_grad_(penalised)
    verdict = judge(Batch(values, real.observed))
    loss = critic_loss(verdict, judge(fake))
    if penalised:
        patches = verdict.shape[-1] // values.shape[-2]
        loss = loss + weight / PENALISED / patches * gradient_penalty(verdict, values)
    return loss
