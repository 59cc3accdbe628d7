"""The network of an autoencoder: a code without chance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from anomalib_vae.codec.batch import Batch, Layout
from anomalib_vae.networks import encoder_decoder
from anomalib_vae.networks.encoder_decoder import EncoderDecoder
from anomalib_vae.networks.layers import ACTIVATIONS
from anomalib_vae.networks.mlp import PlainMLP
from anomalib_vae.networks.network import Step

JITTER = 1e-6  # of the mean variance of a code, on the diagonal of its covariance: a unit may never vary


@dataclass(frozen=True)
class Architecture(encoder_decoder.Architecture):
    """With the code's own activation, and the weight of what a subclass adds to the loss."""

    code_activation: str = "linear"
    penalty: float = 0.0


class AutoencoderNetwork(EncoderDecoder):
    """z = f(x), x' = g(z); the loss is that of the likelihood of x given g(z), plus `penalty` times what a subclass
    says.  After training `fit_codes` learns a Gaussian of the codes, from which new rows are drawn."""

    mlp_class = PlainMLP
    code_mean: Tensor
    code_factor: Tensor

    def __init__(self, layout: Layout, architecture: Architecture, generator: Generator):
        super().__init__(layout, architecture, generator)
        shape = (self.n_members, self.code_width, self.code_width)
        self.register_buffer("code_mean", torch.zeros(self.n_members, 1, self.code_width))
        self.register_buffer("code_factor", torch.eye(self.code_width).expand(shape).clone())

    def build_latents(self, generator):
        self.encoder = self.reader(self.code_width, generator)

    def encode(self, batch: Batch, generator: Generator | None = None) -> Tensor:
        return ACTIVATIONS[self.architecture.code_activation](self.preactivation(batch, generator))

    def preactivation(self, batch: Batch, generator: Generator | None = None) -> Tensor:
        """The code before its activation, (members, rows, code width)."""
        return self.encoder(self.inputs(batch), generator)

    # ------------------------------------------------------------------ training
    def loss(self, player: str, batch: Batch, step: Step) -> Tensor:
        a = self.architecture
        seen = a.corruption(batch, self.layout, step.generator) if a.corruption else batch
        code = self.encode(seen, step.generator)
        output = self.decode(code, step.generator)
        error = -self.weigh(self.observation.objective(output, batch, step.progress), seen).sum(-1).mean(-1)
        return error + a.penalty * self.regulariser(seen, code) if a.penalty else error

    def regulariser(self, batch: Batch, code: Tensor) -> Tensor:
        """What a subclass adds to the loss, one number a member: (members,)."""
        raise NotImplementedError

    def fit_codes(self, rows: Batch) -> None:
        """Learn mean and covariance of the codes of these rows, (members, rows, features)."""
        code = self.encode(rows)
        self.code_mean = code.mean(1, keepdim=True)
        centred = code - self.code_mean
        covariance = centred.mT @ centred / code.shape[1]
        diagonal = covariance.diagonal(dim1=-2, dim2=-1)
        diagonal += JITTER * diagonal.mean(-1, keepdim=True) + torch.finfo(torch.float32).tiny
        # laid out as it will be when loaded, which decides the last bit of products
        self.code_factor = torch.linalg.cholesky(covariance).contiguous()

    # ------------------------------------------------------------------ use
    def score(self, batch: Batch) -> Tensor:
        """log p(x | g(f(x))), in nats: the reconstruction error in units of the learned scales."""
        return self._log_prob(batch).sum(-1)

    def column_scores(self, batch: Batch) -> Tensor:
        return self.observation.by_column(self._log_prob(batch))

    def _log_prob(self, batch: Batch) -> Tensor:
        return self.observation.log_prob(self.decode(self.encode(batch)), batch)

    def predictive(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return self.observation.moments(self.decode(self.encode(batch)))

    def generate(self, rows: int, generator: Generator) -> Tensor:
        """What codes drawn from the Gaussian stand for."""
        like = self.code_mean
        shape = (self.n_members, -(-rows // self.n_members), self.code_width)
        noise = torch.randn(shape, generator=generator, dtype=like.dtype, device=like.device)
        return self.expect(like + noise @ self.code_factor.mT).movedim(0, 1).flatten(0, 1)[:rows]
