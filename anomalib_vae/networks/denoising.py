"""The network of a denoising variational autoencoder."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.image import ImageLayout
from anomalib_vae.networks.inputs import CompletedInputs
from anomalib_vae.networks.layers import StackedLinear
from anomalib_vae.networks.residual import ResidualMLP
from anomalib_vae.networks.stacking import Stacking
from anomalib_vae.networks.variational import VariationalNetwork

CHUNK = 512  # rows evaluated at once
START_LOG_VARIANCE = -6.0  # of the posteriors: as wide as the prior they would hide the code until they have shrunk


class DenoisingNetwork(VariationalNetwork):
    """A variational network that corrects what a Gaussian expects in missing cells, and is weighed against it.

    Of images it is one that starts with narrow posteriors, and no more.
    """

    inputs: CompletedInputs
    mlp_class = ResidualMLP

    def __init__(self, layout, architecture, generator):
        super().__init__(layout, architecture, generator)
        self.stacking = Stacking(layout)

    @property
    def completes(self) -> bool:
        """Whether a Gaussian stands for what is missing: of the thousands of pixels of an image it would take a
        thousand times as long as the network, and lines tell little of them."""
        return not isinstance(self.layout, ImageLayout)

    def build_latents(self, generator):
        if self.completes:
            self.inputs = CompletedInputs(self.layout, self.architecture.n_bins)
        super().build_latents(generator)
        head = cast(StackedLinear, self.encoder.head)
        head.weight.data[..., self.code_width :] *= 0.1
        head.bias.data[..., self.code_width :] = START_LOG_VARIANCE

    @torch.no_grad()
    def fit_stacking(self, rows: Batch, seen: Batch) -> None:
        """Weigh the two on cells of rows (rows, features) that are hidden in seen, as they were in training."""
        parts = (seen[at : at + CHUNK].for_members(self.n_members) for at in range(0, len(seen), CHUNK))
        both = [self._both(part) for part in parts]
        network, line = torch.cat([n.mean(0) for n, _ in both]), torch.cat([part[0] for _, part in both])
        self.stacking.fit(rows, seen, network, line)

    def reconstruct(self, batch: Batch) -> Tensor:
        """As of any network where a cell is observed; where it is missing, the weighed mean of the two."""
        if not self.completes:
            return super().reconstruct(batch)
        return self.stacking(batch, *self._both(batch))

    def _both(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """What the network and the Gaussian expect of each target, (members, rows, targets); shares of levels lie
        between 0 and 1."""
        completed = self.inputs.complete(batch)
        code, _ = self.moments_given(self.inputs.assemble(batch, completed))
        line, real = completed[..., self.observation.targets], self.observation.real.stop
        return self.expect(code), torch.cat([line[..., :real], line[..., real:].clamp(0.0, 1.0)], -1)
