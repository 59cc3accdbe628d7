"""The network of a generative adversarial network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor, nn

from anomalib_vae.codec.batch import Batch
from anomalib_vae.losses.adversarial import generator_loss
from anomalib_vae.losses.mmd import squared_discrepancy, typical_square
from anomalib_vae.networks import encoder_decoder
from anomalib_vae.networks.averaging import Averaged
from anomalib_vae.networks.critic import Critic
from anomalib_vae.networks.implicit import ImplicitNetwork
from anomalib_vae.networks.inputs import Inputs
from anomalib_vae.networks.inversion import FeatureResidual
from anomalib_vae.networks.network import Player, Step
from anomalib_vae.networks.penalised import PACE, penalised_critic_loss

SEED = 0  # of the draws that held-out rows are compared with


@dataclass(frozen=True)
class Architecture(encoder_decoder.Architecture):
    """With the weight of the critic's penalty, and how slowly the averaged generator follows."""

    gradient_penalty: float = 1.0
    averaging: float = 0.99


class GANNetwork(ImplicitNetwork):
    """A generator, and a critic that tells its rows from those of training.

    In training `decode` is the generator that learns, in use the average of its weights over the last steps.
    """

    architecture: Architecture
    critic: Any

    def __init__(self, layout, architecture: Architecture, generator: Generator):
        super().__init__(layout, architecture, generator)
        self.decoder: Any = Averaged(self.decoder)
        self.residual = FeatureResidual(self.n_members)

    def build_latents(self, generator):
        super().build_latents(generator)
        self.critic = self.build_critic(1, generator)

    def build_critic(self, outputs: int, generator: Generator) -> nn.Module:
        """What reads targets and gives so many verdicts, and what it reads with as `reader`."""
        inputs = Inputs(self.layout.given_back, n_bins=0)
        return Critic(inputs, self.reader_of(inputs, None, generator), self.n_members, outputs, generator)

    def players(self):
        return {
            "critic": Player(list(self.critic.parameters()), pace=PACE, momentum=0.0),
            "generator": Player(list(self.decoder.learner.parameters()), momentum=0.0),
        }

    # ------------------------------------------------------------------ training
    def loss(self, player: str, batch: Batch, step: Step) -> Tensor:
        real = self.real(batch)
        if player == "generator":
            return generator_loss(self.judge(self.fake_like(real, step.generator)))
        with torch.no_grad():
            fake = self.fake_like(real, step.generator)
        return penalised_critic_loss(self.judge, real, fake, self.architecture.gradient_penalty, step.generator)

    def real(self, batch: Batch) -> Batch:
        """What the critic is shown of rows of training: the targets."""
        return batch.select(self.observation.targets)

    def judge(self, targets: Batch) -> Tensor:
        """The critic's logits, high where it takes rows for rows of training: (members, rows)."""
        return self.verdicts(targets)[..., 0]

    def verdicts(self, targets: Batch) -> Tensor:
        """All that the critic says: (members, rows, outputs)."""
        return self.critic(targets)

    def after_step(self, step):
        self.decoder.follow(self.architecture.averaging, step)

    @torch.no_grad()
    def validation_loss(self, batch: Batch) -> Tensor:
        """MMD² of the rows and of what the averaged generator makes: the players' own losses tell how they stand
        against each other only."""
        generator = torch.Generator(batch.values.device).manual_seed(SEED)
        real, was_training = batch.select(self.observation.targets), self.training
        self.eval()
        made = self.fake_at(self.prior(real.values.shape[1], generator), real, generator).values
        self.train(was_training)
        return squared_discrepancy(real, made, typical_square(real.values))

    # ------------------------------------------------------------------ use
    def features(self, targets):
        return self.critic.features(targets)
