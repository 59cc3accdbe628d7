"""What a network reads of a batch: its features, which of them are missing, and where each number lies."""

from __future__ import annotations

import torch
from scipy.special import ndtri
from torch import Tensor, nn

from anomalib_vae.codec.batch import Batch, Layout
from anomalib_vae.networks.conditional_gaussian import ConditionalGaussian


class Inputs(nn.Module):
    """Batch to (members, rows, width): features, flags of missing columns, and `n_bins` bins a numeric column.

    The bins are piecewise-linear: bin t rises from 0 to 1 between the edges t and t + 1 (Gorishniy, Rubachev & Babenko
    2022, "On embeddings for numerical features in tabular deep learning").  They read the rank-normal view, in which
    the same edges are quantiles of every column.
    """

    first_feature: Tensor
    ranked: Tensor
    slopes: Tensor
    offsets: Tensor

    def __init__(self, layout: Layout, n_bins: int):
        super().__init__()
        ranked = [block.start + 1 for block in layout.of_kind("real") if block.width > 1]
        inner = torch.tensor([float(ndtri(t / n_bins)) for t in range(1, n_bins)]) if n_bins else torch.zeros(0)
        edges = torch.cat([torch.tensor([-3.5]), inner, torch.tensor([3.5])])
        self.register_buffer(
            "first_feature", torch.tensor([b.start for b in layout.flagged], dtype=torch.long), persistent=False
        )
        self.register_buffer("ranked", torch.tensor(ranked, dtype=torch.long), persistent=False)
        slopes = 1.0 / (edges[1:] - edges[:-1])
        self.register_buffer("slopes", slopes, persistent=False)
        self.register_buffer("offsets", -edges[:-1] * slopes, persistent=False)
        self.n_bins = n_bins
        self.flags = slice(layout.width, layout.width + len(layout.flagged))
        self.width = self.flags.stop + n_bins * len(ranked)
        self.reads_features_alone = self.width == layout.width

    def forward(self, batch: Batch) -> Tensor:
        return self.assemble(batch, self.complete(batch))

    def assemble(self, batch: Batch, values: Tensor) -> Tensor:
        """The inputs, with these values from `complete`."""
        if self.reads_features_alone:
            return values
        parts = [values, 1.0 - batch.observed.index_select(-1, self.first_feature)]
        if self.n_bins:
            ranks, seen = (part.index_select(-1, self.ranked)[..., None] for part in (values, batch.observed))
            bins = torch.addcmul(self.offsets, ranks, self.slopes).clamp(0.0, 1.0).mul_(seen)
            parts.append(bins.flatten(-2))
        return torch.cat(parts, -1)

    def complete(self, batch: Batch) -> Tensor:
        """The features, with what stands for missing ones: 0, the mean."""
        return batch.values


class CompletedInputs(Inputs):
    """Inputs in which the conditional mean of a Gaussian stands for what is missing: the network need not learn what is
    linear, and sees a row of gaps as the row that it might be."""

    def __init__(self, layout: Layout, n_bins: int):
        super().__init__(layout, n_bins)
        self.gaussian = ConditionalGaussian(layout.width, layout.column_of_feature)

    def complete(self, batch):
        if batch.is_complete:
            return batch.values
        values, observed = batch.values, batch.observed
        if values.stride(0) == observed.stride(0) == 0:  # the members are given the same rows
            return self.gaussian.expect(Batch(values[0], observed[0])).expand(values.shape)
        return self.gaussian.expect(Batch(values.flatten(0, 1), observed.flatten(0, 1))).view(values.shape)
