"""One layer of an autoencoder, trained on what the layers below it give."""

from __future__ import annotations

import torch
from torch import Tensor

from anomalib_vae.codec.batch import Batch
from anomalib_vae.networks.autoencoder import AutoencoderNetwork
from anomalib_vae.networks.layers import ACTIVATIONS, StackedLinear
from anomalib_vae.networks.network import Network, Player, Step


class TiedLayer(Network):
    """Layer k of an autoencoder as an autoencoder of its own: h = s(vW + b), v' = s'(hWᵀ + b'), which has to be like v.

    v is what the layers below make of a row; for the lowest, the row itself, with the likelihood of the whole.  W, b
    and b' are those of the whole, whose decoder takes Wᵀ over in `untie` (Bengio et al. 2007, "Greedy layer-wise
    training of deep networks"; Vincent et al. 2010, tied weights).
    """

    def __init__(self, whole: AutoencoderNetwork, level: int):
        super().__init__()
        self.whole, self.level, self.n_members = whole, level, whole.n_members
        a = whole.architecture
        self.encoders = _layers(whole.encoder)
        self.encoder, self.decoder = self.encoders[level], _layers(whole.decoder)[-1 - level]
        names = [a.activation] * (len(self.encoders) - 1) + [a.code_activation]
        self.activations = [ACTIVATIONS[name] for name in names]

    def players(self):
        """The layer; the lowest has the scales of the observation as well."""
        scales = [self.whole.observation.raw_log_scale] if self.level == 0 else []
        return {"layer": Player([self.encoder.weight, self.encoder.bias, self.decoder.bias, *scales])}

    def loss(self, player: str, batch: Batch, step: Step) -> Tensor:
        a, layout = self.whole.architecture, self.whole.layout
        seen = a.corruption(batch, layout, step.generator) if a.corruption else batch
        below = self._below(seen)
        code = self.activations[self.level](self.encoder(below))
        output = torch.baddbmm(self.decoder.bias, code, self._transposed)
        if self.level == 0:
            objective = self.whole.observation.objective(output, batch, step.progress)
            return -self.whole.weigh(objective, seen).sum(-1).mean(-1)
        wanted = self._below(batch) if a.corruption else below
        return 0.5 * (self.activations[0](output) - wanted).square().sum(-1).mean(-1)

    @torch.no_grad()
    def validation_loss(self, batch: Batch) -> Tensor:
        return self.loss("layer", batch, Step(1.0, torch.Generator(batch.values.device).manual_seed(0)))

    def blame(self, batch: Batch) -> str:
        return self.whole.blame(batch)

    @torch.no_grad()
    def untie(self) -> None:
        """Start the decoder's layer from the encoder's weights, transposed."""
        self.decoder.weight.copy_(self._transposed)

    @property
    def _transposed(self) -> Tensor:
        """(members, outputs of the encoder's layer, outputs of the decoder's)."""
        weight = self.encoder.weight
        return (weight[:, self.whole.observation.targets] if self.level == 0 else weight).mT

    @torch.no_grad()
    def _below(self, batch: Batch) -> Tensor:
        values = self.whole.inputs(batch)
        for layer, activation in zip(self.encoders[: self.level], self.activations, strict=False):
            values = activation(layer(values))
        return values


def _layers(mlp) -> list[StackedLinear]:
    return [*mlp.hidden, mlp.head]
