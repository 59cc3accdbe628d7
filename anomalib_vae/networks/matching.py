"""The network of a generative moment matching network."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from anomalib_vae.codec.batch import Batch
from anomalib_vae.losses.mmd import squared_discrepancy, typical_square
from anomalib_vae.networks import autoencoder
from anomalib_vae.networks.autoencoder import AutoencoderNetwork
from anomalib_vae.networks.implicit import ImplicitNetwork
from anomalib_vae.networks.network import Player, Step

SEED = 0  # of the draws that held-out rows are compared with


@dataclass(frozen=True)
class Architecture(autoencoder.Architecture):
    """With the width of the codes that are matched; 0 where rows themselves are."""

    matched_width: int = 0


class MatchingNetwork(ImplicitNetwork):
    """A generator whose rows shall have the law of the training rows, by the maximum mean discrepancy of the two.

    With a `matched_width`, `autoencoder` is trained first: the generator makes codes of it, which it decodes, and which
    shall have the law of the codes of training rows.
    """

    architecture: Architecture
    scale: Tensor
    centre: Tensor
    spread: Tensor

    def __init__(self, layout, architecture: Architecture, generator: Generator):
        super().__init__(layout, architecture, generator)
        self.register_buffer("scale", torch.ones(self.n_members, 1, 1))
        self.register_buffer("centre", torch.zeros(self.n_members, 1, architecture.matched_width))
        self.register_buffer("spread", torch.ones(self.n_members, 1, 1))

    def build_latents(self, generator):
        super().build_latents(generator)
        width = self.architecture.matched_width
        inner = replace(self.architecture, latent_dims=(width,))
        self.autoencoder = AutoencoderNetwork(self.layout, inner, generator) if width else None

    def writer(self, generator):
        if self.autoencoder is None:
            return super().writer(generator)
        return self.mlp(self.code_width, self.architecture.hidden_dims, self.autoencoder.code_width, generator)

    def decode(self, code, generator=None):
        if self.autoencoder is None:
            return super().decode(code, generator)
        return self.autoencoder.decode(self.inner_code(code, generator))

    def inner_code(self, code: Tensor, generator: Generator | None = None) -> Tensor:
        """What the generator makes of codes for the autoencoder to decode."""
        return self.centre + self.spread * self.decoder(code, generator)

    # ------------------------------------------------------------------ training
    def players(self):
        return {"generator": Player(list(self.decoder.parameters()))}

    def loss(self, player: str, batch: Batch, step: Step) -> Tensor:
        """MMD² times the number of features, by which the loop divides: it is a mean over rows, no sum over columns."""
        return batch.values.shape[-1] * self.discrepancy(batch, step.generator)

    def discrepancy(self, batch: Batch, generator: Generator) -> Tensor:
        """MMD² of the rows and of as many generated ones: (members,)."""
        real = self.matched(batch)
        if self.autoencoder is None:
            return squared_discrepancy(real, self.fake_like(real, generator).values, self.scale)
        made = self.inner_code(self.prior(real.values.shape[1], generator), generator)
        return squared_discrepancy(real, made, self.scale)

    @torch.no_grad()
    def matched(self, batch: Batch) -> Batch:
        """What is matched of rows: their targets, or their codes, from which the autoencoder restores missing cells."""
        if self.autoencoder is None:
            return batch.select(self.observation.targets)
        return Batch.complete(self.autoencoder.encode(batch))

    @torch.no_grad()
    def fit_scales(self, rows: Batch) -> None:
        """Take from these rows, (members, rows, features), the widths of kernels, and where inner codes lie."""
        real = self.matched(rows).values
        self.scale.copy_(typical_square(real))
        if self.autoencoder is not None:
            self.centre.copy_(real.mean(1, keepdim=True))
            self.spread.copy_(real.var(1, keepdim=True).mean(-1, keepdim=True).sqrt())

    @torch.no_grad()
    def validation_loss(self, batch: Batch) -> Tensor:
        generator = torch.Generator(batch.values.device).manual_seed(SEED)
        return batch.values.shape[-1] * self.discrepancy(batch, generator)
