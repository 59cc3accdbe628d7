"""What a critic and a generator minimise against each other."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-log D(x) - log(1 - D(G(z))), the mean over rows, of logits of D: (members, rows) to (members,), in nats.

    Goodfellow et al. 2014, "Generative adversarial nets".
    """
    return (softplus(-real) + softplus(fake)).mean(-1)


def generator_loss(fake: Tensor) -> Tensor:
    """-log D(G(z)), the one that does not saturate (Goodfellow et al. 2014): (members, rows) to (members,), in nats."""
    return softplus(-fake).mean(-1)


def gradient_penalty(real: Tensor, values: Tensor) -> Tensor:
    """R1, half the squared gradient of the critic's logits with respect to the rows of training they were made of, the
    mean over rows: logits (members, rows) and values (members, rows, features) to (members,).

    Mescheder, Geiger & Nowozin 2018, "Which training methods for GANs do actually converge?"
    """
    (gradient,) = torch.autograd.grad(real.sum(), values, create_graph=True)
    return 0.5 * gradient.square().sum(-1).mean(-1)
