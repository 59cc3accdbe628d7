"""A prior fitted after training: the mixture of the posteriors of some training rows."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Generator, Tensor

from anomalib_vae.networks.kept_rows import KeptRows


class AggregatePrior(KeptRows):
    """p(z) = mean over reference rows r of q(z | x_r), in place of N(0, I) once the networks are trained.

    The aggregate posterior is the prior under which the bound is highest (Hoffman & Johnson 2016, "ELBO surgery";
    Tomczak & Welling 2018, "VAE with a VampPrior"): a code in a hole between the codes of normal rows costs what it
    should, while N(0, I) may find it ordinary.  The component that fits a code best is left out, so that a training row
    does not vouch for itself.

    mean, log_variance: (members, references, code width); no references before `fit`.
    """

    kept: ClassVar[tuple[str, ...]] = ("mean", "log_variance")
    mean: Tensor
    log_variance: Tensor

    def __init__(self, n_members: int, code_width: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_members, 0, code_width))
        self.register_buffer("log_variance", torch.zeros(n_members, 0, code_width))

    @property
    def fitted(self) -> bool:
        return self.mean.shape[1] > 1

    def fit(self, mean: Tensor, log_variance: Tensor) -> None:
        """Take the posteriors of the reference rows."""
        self.mean, self.log_variance = mean, log_variance

    def log_density(self, code: Tensor) -> Tensor:
        """log p(z), without the constant log(2π)/2 a dimension: (members, rows, code width) to (members, rows)."""
        return self.without_the_best(self.log_components(code)) - math.log(self.mean.shape[1] - 1)

    def log_components(self, code: Tensor) -> Tensor:
        """log q(z | x_r) of each reference, without the constant: (members, rows, references)."""
        precision = torch.exp(-self.log_variance)
        weighted = self.mean * precision
        # the squared distance to every reference, expanded so that it is two matrix products
        constant = ((self.mean * weighted) + self.log_variance).sum(-1)[:, None]
        squares = torch.baddbmm(constant, code.square(), precision.mT)
        return -0.5 * torch.baddbmm(squares, code, weighted.mT, alpha=-2.0)

    @staticmethod
    def without_the_best(logits: Tensor) -> Tensor:
        """The logarithm of the sum of all components but the largest; changes the logits."""
        return torch.logsumexp(logits.scatter_(-1, logits.argmax(-1, keepdim=True), -torch.inf), -1)

    def sample(self, noise: Tensor, generator: Generator) -> Tensor:
        """Standard-normal noise (members, rows, code width) to codes, each near a reference drawn at random."""
        shape = noise.shape[:-1]
        chosen = torch.randint(self.mean.shape[1], shape, generator=generator, device=noise.device)[..., None]
        mean, log_variance = (t.gather(1, chosen.expand_as(noise)) for t in (self.mean, self.log_variance))
        return mean + torch.exp(0.5 * log_variance) * noise
