"""The network of an adversarial autoencoder."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from anomalib_vae.codec.batch import Batch
from anomalib_vae.losses.adversarial import critic_loss, generator_loss, gradient_penalty
from anomalib_vae.losses.divergences import gaussian_log_density
from anomalib_vae.networks import autoencoder
from anomalib_vae.networks.autoencoder import AutoencoderNetwork
from anomalib_vae.networks.mlp import PlainMLP
from anomalib_vae.networks.network import Player, Step

CRITIC_DIMS, CRITIC_ACTIVATION = (128, 128), "leaky_relu"
MOMENTUM = 0.5  # of both players: what a gradient means changes with the other one


@dataclass(frozen=True)
class Architecture(autoencoder.Architecture):
    """With the weight of the critic's own penalty."""

    gradient_penalty: float = 1.0


class AdversarialNetwork(AutoencoderNetwork):
    """An autoencoder, and a critic D of its codes: the probability that one was drawn from the prior N(0, I).

    The autoencoder's regulariser is -log D(f(x)).  As the codes of rows come to have the law of the prior, it is the
    prior, not a Gaussian fitted to them, that new rows are drawn from.
    """

    architecture: Architecture

    def __init__(self, layout, architecture, generator):
        super().__init__(layout, architecture, generator)
        width, activation = self.code_width, CRITIC_ACTIVATION
        self.critic = PlainMLP(self.n_members, width, CRITIC_DIMS, 1, generator, activation=activation)

    def players(self):
        rest = [parameter for name, parameter in self.named_parameters() if not name.startswith("critic.")]
        return {
            "critic": Player(list(self.critic.parameters()), momentum=MOMENTUM),
            "autoencoder": Player(rest, momentum=MOMENTUM),
        }

    def loss(self, player: str, batch: Batch, step: Step) -> Tensor:
        if player == "autoencoder":
            return super().loss(player, batch, step)
        a = self.architecture
        with torch.no_grad():
            seen = a.corruption(batch, self.layout, step.generator) if a.corruption else batch
            code = self.encode(seen, step.generator)
        drawn = torch.randn(code.shape, generator=step.generator, dtype=code.dtype, device=code.device)
        verdict = self.judge(drawn.requires_grad_())
        return critic_loss(verdict, self.judge(code)) + a.gradient_penalty * gradient_penalty(verdict, drawn)

    def judge(self, code: Tensor) -> Tensor:
        """The critic's logits, high where it takes codes for draws from the prior: (members, rows)."""
        return self.critic(code)[..., 0]

    def regulariser(self, batch: Batch, code: Tensor) -> Tensor:
        return generator_loss(self.judge(code))

    def score(self, batch: Batch) -> Tensor:
        """log p(x | g(z)) + log N(z; 0, I) at z = f(x), without the latter's constant, in nats."""
        code = self.encode(batch)
        log_prob = self.observation.log_prob(self.decode(code), batch)
        return log_prob.sum(-1) + gaussian_log_density(code).sum(-1)
