"""The encoder of a generator that is trained already: it looks for the code of each row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from anomalib_vae.codec.batch import Batch
from anomalib_vae.losses.gaussian import Gaussian
from anomalib_vae.networks.layers import smooth_clamp
from anomalib_vae.networks.network import Network, Player, Step

if TYPE_CHECKING:
    from anomalib_vae.networks.implicit import ImplicitNetwork

LOG_SCALE_RANGE = (-7.0, 7.0)  # of features, which nobody has standardised


class FeatureResidual(nn.Module):
    """log N(f(x); f(x'), σ²I) in nats, how unlike x' is x in features, with a learned scale σ of all of them.

    Features (members, rows, width) of rows and of what stands for them, to (members, rows).
    """

    def __init__(self, n_members: int):
        super().__init__()
        self.raw_log_scale = nn.Parameter(torch.zeros(n_members, 1, 1))

    def forward(self, wanted: Tensor, found: Tensor) -> Tensor:
        return Gaussian().log_prob(wanted, found, smooth_clamp(self.raw_log_scale, *LOG_SCALE_RANGE)).sum(-1)


class Inversion(Network):
    """An encoder E trained while the generator G, and all else, stands still: the code with which x is most probable.

    The player "encoder" minimises -log p(x | G(E(x))) - log N(E(x); 0, I), so that E(x) estimates the mode of p(z | x).
    p is the observation's likelihood; its scale, the size of what G can not make, is learned along.  With `features` f
    it adds -log N(f(x); f(G(E(x))), σ²I).  This is the residual of f-AnoGAN, "izi_f", as a likelihood, whose weights
    need no choice (Schlegl et al. 2019, "f-AnoGAN: Fast unsupervised anomaly detection with generative adversarial
    networks").

    whole: has `encoder`, `encode` and `decode` (the generator), and stays in evaluation mode.  features: of the targets
    of rows, a Batch (members, rows, targets), where cells that x misses are missing of both.  residual: the likelihood
    of the features, to be used in scores later; one of its own by default.
    """

    def __init__(
        self,
        whole: ImplicitNetwork,
        features: Callable[[Batch], Tensor] | None = None,
        residual: FeatureResidual | None = None,
    ):
        super().__init__()
        self.whole, self.n_members, self.code_width = whole, whole.n_members, whole.code_width
        self.features = features
        self.residual = (residual or FeatureResidual(whole.n_members)) if features else None

    def train(self, mode: bool = True):
        super().train(mode)
        self.whole.eval()
        return self

    def players(self):
        """The encoder, with the scales of what it can not explain."""
        residual = list(self.residual.parameters()) if self.residual else []
        scales = [self.whole.observation.raw_log_scale, *residual]
        return {"encoder": Player([*self.whole.encoder.parameters(), *scales])}

    def loss(self, player: str, batch: Batch, step: Step) -> Tensor:
        a = self.whole.architecture
        seen = self.whole.spoil(batch, step.generator) if a.corruption else batch
        return -self.log_joint(seen, batch).mean(-1)

    def log_joint(self, seen: Batch, batch: Batch) -> Tensor:
        """log p(x | z) + log N(z; 0, I), without the latter's constant, at the codes z of what is seen of the rows x:
        (members, rows)."""
        code = self.whole.encode(seen)
        output = self.whole.decode(code)
        log_prob = self.whole.weigh(self.whole.observation.log_prob(output, batch), seen).sum(-1)
        return log_prob + self.whole.code_log_prob(code, seen) + self.feature_log_prob(output, batch)

    def feature_log_prob(self, output: Tensor, batch: Batch) -> Tensor | float:
        """log p(f(x) | z), (members, rows); 0 without features."""
        if self.features is None or self.residual is None:
            return 0.0
        wanted = batch.select(self.whole.observation.targets)
        found = replace(wanted, values=self.whole.observation.mean(output) * wanted.observed)
        with torch.no_grad():
            of_x = self.features(wanted)
        return self.residual(of_x, self.features(found))

    @torch.no_grad()
    def validation_loss(self, batch: Batch) -> Tensor:
        return -self.log_joint(batch, batch).mean(-1)

    def blame(self, batch: Batch) -> str:
        return self.whole.blame(batch)
