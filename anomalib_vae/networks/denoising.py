"""The network of a denoising variational autoencoder."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.image import ImageLayout
from anomalib_vae.networks.donors import MOST, Donors
from anomalib_vae.networks.inputs import CompletedInputs
from anomalib_vae.networks.layers import StackedLinear
from anomalib_vae.networks.residual import ResidualMLP
from anomalib_vae.networks.stacking import Stacking
from anomalib_vae.networks.variational import VariationalNetwork

CHUNK = 512  # rows evaluated at once
LEAST_GAIN = 0.02  # of squared error, for donors to be worth their time where there are more rows than may be donors
START_LOG_VARIANCE = -6.0  # of the posteriors: as wide as the prior they would hide the code until they have shrunk


class DenoisingNetwork(VariationalNetwork):
    """A variational network that corrects what a Gaussian expects in missing cells, and is weighed against it and
    against rows of training that are alike.

    Of images it is one that starts with narrow posteriors, and no more.
    """

    inputs: CompletedInputs
    mlp_class = ResidualMLP

    def __init__(self, layout, architecture, generator):
        super().__init__(layout, architecture, generator)
        self.donors = Donors(layout)
        self.without_donors, self.stacking = Stacking(layout, 2), Stacking(layout, 4)

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
    def fit_stacking(self, rows: Batch, seen: Batch) -> Tensor:
        """Weigh what may fill a gap on cells of rows (rows, features) that are hidden in seen, as they were in
        training; what would fill them: (rows, targets)."""
        others = self._of_rows(seen)
        self.without_donors.fit(rows, seen, others)
        held_out = self._observed_columns(rows) > self._observed_columns(seen)
        if not (self.inputs.gaussian.knows_lines and held_out.any()):
            return self.without_donors(others)
        completed = self._completed(seen, *others)
        self.donors.fit(completed, self._observed_columns(seen), self.inputs.gaussian)
        everything = [*others, *self._donated(completed, seen)]
        self.stacking.fit(rows, seen, everything)
        gain = 1.0 - self.stacking.error(rows, seen, everything) / self.without_donors.error(rows, seen, others)
        if len(rows) > MOST and gain < LEAST_GAIN:
            self.donors.forget()
            return self.without_donors(others)
        return self.stacking(everything)

    @torch.no_grad()
    def learn_all(self, rows: Batch) -> None:
        """Let the Gaussian and the donors know the cells, too, by which they have been weighed."""
        self.inputs.gaussian.refit(rows)
        if len(self.donors.rows):
            completed = self._completed(rows, *self._of_rows(rows))
            self.donors.take(completed, self._observed_columns(rows), self.inputs.gaussian)

    def _of_rows(self, rows: Batch) -> list[Tensor]:
        """What the Gaussian and the network expect in rows, (rows, features): (rows, targets) each."""
        parts = (rows[at : at + CHUNK].for_members(self.n_members) for at in range(0, len(rows), CHUNK))
        both = [self._both(part) for part in parts]
        return [torch.cat([line[0] for _, line in both]), torch.cat([network.mean(0) for network, _ in both])]

    def reconstruct(self, batch: Batch) -> Tensor:
        """As of any network where a cell is observed; where it is missing, the weighed mean of the network's word, the
        Gaussian's and that of rows of training that are alike."""
        if not self.completes:
            return super().reconstruct(batch)
        network, line = self._both(batch)
        missing = batch.observed.index_select(-1, self.observation.targets) == 0
        return torch.where(missing, self._weighed(batch, line, network), network)

    def _weighed(self, batch: Batch, line: Tensor, network: Tensor) -> Tensor:
        if not len(self.donors.rows):
            return self.without_donors([line, network])
        rows = Batch(batch.values[0], batch.observed[0])  # members are given the same ones
        completed = self._completed(rows, line[0], network.mean(0))
        return self.stacking([line, network, *self._donated(completed, rows)])

    def _donated(self, completed: Tensor, rows: Batch) -> list[Tensor]:
        """What donors give where rows have gaps, (rows, targets) each; completed: without gaps, likewise."""
        return [self._in_range(part) for part in self.donors(completed, self._observed_columns(rows))]

    def _completed(self, rows: Batch, line: Tensor, network: Tensor) -> Tensor:
        """The targets of rows, (rows, targets), with what the two make of gaps."""
        targets = rows.select(self.observation.targets)
        return torch.where(targets.observed > 0, targets.values, self.without_donors([line, network]))

    def _observed_columns(self, rows: Batch) -> Tensor:
        return rows.observed[:, [block.start for block in self.layout.blocks]]

    def _both(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """What the network and the Gaussian expect of each target, (members, rows, targets)."""
        completed = self.inputs.complete(batch)
        code, _ = self.moments_given(self.inputs.assemble(batch, completed))
        return self.expect(code), self._in_range(completed.index_select(-1, self.observation.targets))

    def _in_range(self, targets: Tensor) -> Tensor:
        """Targets, (..., targets), with shares of levels between 0 and 1."""
        real = self.observation.real.stop
        return torch.cat([targets[..., :real], targets[..., real:].clamp(0.0, 1.0)], -1)
