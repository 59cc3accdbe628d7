"""The maximum mean discrepancy: how unlike the laws of two samples are, by their rows' distances alone."""

from __future__ import annotations

import torch
from torch import Tensor

from anomalib_vae.codec.batch import Batch

WIDTHS = (1 / 64, 1 / 16, 1 / 4, 1.0)  # of the kernels, in the typical squared distance: from details to the whole


def squared_discrepancy(real: Batch, generated: Tensor, scale: Tensor) -> Tensor:
    """MMD² of the laws of real and generated rows, (members, rows, features) each, without bias: (members,).

    Σ_{i≠j} k(x_i, x_j) + k(y_i, y_j) - k(x_i, y_j) - k(x_j, y_i), divided by n (n - 1): Gretton et al. 2012, "A kernel
    two-sample test", lemma 6.  0 on average where the laws agree, so at times it is negative; 0 of a single row, which
    tells nothing.  Row i of both lacks the same cells, those that x_i misses: so generated rows lack cells at the rate
    and in the patterns of real ones, and the pairs i = j, which share them, are left out.

    k is a mean of rational-quadratic kernels, 1 / (1 + |x - y|² / w), that have slopes at all distances (Bińkowski et
    al. 2018, "Demystifying MMD GANs"), over widths w about `scale`, of `typical_square` or the like, (members, 1, 1).
    """
    rows = real.values.shape[1]
    x, y = real.values, generated * real.observed
    pairs = _kernel(x, x, scale) + _kernel(y, y, scale) - 2.0 * _kernel(x, y, scale)
    total = pairs.sum((1, 2)) - pairs.diagonal(dim1=1, dim2=2).sum(-1)
    return total / max(rows * (rows - 1), 1)


def typical_square(rows: Tensor) -> Tensor:
    """The median of the squared distances between different rows, the usual choice of a kernel's width: (members, rows,
    features) to (members, 1, 1).  Their mean where most rows are one and the same, 1 where all are."""
    count = rows.shape[1]
    upper = torch.triu_indices(count, count, offset=1, device=rows.device)
    squares = _squared_distances(rows, rows)[:, upper[0], upper[1]]
    if not squares.shape[1]:
        return rows.new_ones(len(rows), 1, 1)
    found = squares.median(1).values
    found = torch.where(found > 0, found, squares.mean(1))
    return torch.where(found > 0, found, torch.ones_like(found))[:, None, None]


def _kernel(first: Tensor, second: Tensor, scale: Tensor) -> Tensor:
    """(members, rows of the first, rows of the second)."""
    squares = _squared_distances(first, second) / scale
    return torch.stack([1.0 / (1.0 + squares / width) for width in WIDTHS]).mean(0)


def _squared_distances(first: Tensor, second: Tensor) -> Tensor:
    norms = first.square().sum(-1)[:, :, None] + second.square().sum(-1)[:, None]
    return torch.baddbmm(norms, first, second.mT, alpha=-2.0).clamp_min(0.0)
