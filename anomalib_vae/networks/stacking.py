"""What fills a missing cell: the network and a Gaussian, weighed column by column on cells that neither has seen."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from anomalib_vae.codec.batch import Batch, Layout

PRIOR_CELLS = 90.0  # a column with as many held-out cells leans as much on itself as on all columns together
COMMON_CELLS = 300.0  # that spoke for the Gaussian beforehand: where there are few, chance would decide
FAR = 3.0  # standard deviations: a few cells further away would decide the share by themselves
FAINT = 1e-9  # of squared differences: without any evidence the two weigh the same


class Stacking(nn.Module):
    """A linear combination of two predictions (Wolpert 1992, "Stacked generalization"; Breiman 1996).

    A Gaussian's conditional mean is hard to beat where rows are few or tails are heavy, a network wherever the columns
    depend on each other in other than straight lines.

    share: of the network in each target, (targets,), between 0 and 1; the rest is the Gaussian's.
    """

    share: Tensor

    def __init__(self, layout: Layout):
        super().__init__()
        self.layout = layout
        self.register_buffer("share", torch.ones(len(layout.targets)))

    def fit(self, rows: Batch, seen: Batch, network: Tensor, line: Tensor) -> None:
        """Learn the shares from cells that are observed in rows and hidden in seen, both (rows, features).

        network, line: the two predictions given the seen cells, (rows, targets), by what was fitted to these alone.
        """
        held_out = (rows.observed - seen.observed)[:, self.layout.targets]
        difference = (network - line).clamp(-FAR, FAR) * held_out
        error = (rows.values[:, self.layout.targets] - line).clamp(-FAR, FAR) * held_out
        columns = torch.tensor(self.layout.column_of_target, device=line.device)
        agreement, spread, cells = (
            line.new_zeros(len(self.layout.blocks)).index_add_(0, columns, part.sum(0))
            for part in (difference * error, difference.square(), held_out)
        )
        doubt = 1.0 + COMMON_CELLS / cells.sum().clamp_min(1.0)
        common = ((agreement.sum() + FAINT / 2) / (doubt * spread.sum() + FAINT)).clamp(0.0, 1.0)
        prior = PRIOR_CELLS * spread / cells.clamp_min(1.0) + FAINT
        self.share = ((agreement + prior * common) / (spread + prior)).clamp(0.0, 1.0)[columns]

    def forward(self, batch: Batch, network: Tensor, line: Tensor) -> Tensor:
        """What is expected of each target, (members, rows, targets): the network's word where a cell is observed."""
        missing = batch.observed[..., self.layout.targets] == 0
        return torch.where(missing, torch.lerp(line, network, self.share), network)
