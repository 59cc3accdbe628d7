"""The robust distances that choose which rows make up the prior."""

from __future__ import annotations

import torch

from anomalib_vae.scoring.bulk import robust_distances


def rows(n, width=3, seed=0):
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed))


def test_a_cluster_of_outliers_is_far():
    """A fifth of the rows on one spot, which pulls mean and covariance of all rows towards itself."""
    distances = robust_distances(torch.cat([rows(400), 6 + 0.1 * rows(100, seed=1)]))
    assert distances[400:].min() > distances[:400].max()


def test_follows_correlation():
    x = rows(500, 1)
    distances = robust_distances(torch.cat([torch.cat([x, x + 0.1 * rows(500, 1, 1)], 1), torch.tensor([[2.0, -2.0]])]))
    assert distances.argmax() == 500


def test_survives_collinear_constant_and_few_rows():
    for values in (rows(50, 1).expand(-1, 3), torch.zeros(20, 3), rows(2), rows(3), rows(1)):
        assert torch.isfinite(robust_distances(values)).all()
        assert len(robust_distances(values)) == len(values)
