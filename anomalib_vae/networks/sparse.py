"""The network of a sparse autoencoder."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from anomalib_vae.networks import autoencoder
from anomalib_vae.networks.autoencoder import AutoencoderNetwork

NEVER, ALWAYS = 1e-4, 1 - 1e-4  # mean activations beyond these count as these: the divergence has no end there


@dataclass(frozen=True)
class Architecture(autoencoder.Architecture):
    """With the mean activation that is wished for."""

    sparsity: float = 0.05


class SparseNetwork(AutoencoderNetwork):
    """Adds the divergence of each code unit's mean activation over the batch, ρ̂, from the one that is wished for, ρ:
    Σ ρ log(ρ/ρ̂) + (1 - ρ) log((1 - ρ)/(1 - ρ̂))."""

    def regulariser(self, batch, code):
        wished, found = self.architecture.sparsity, code.mean(1).clamp(NEVER, ALWAYS)
        entropy = torch.special.entr(found.new_tensor([wished, 1.0 - wished])).sum()
        cross_entropy = -(wished * torch.log(found) + (1.0 - wished) * torch.log1p(-found))
        return (cross_entropy - entropy).sum(-1)
