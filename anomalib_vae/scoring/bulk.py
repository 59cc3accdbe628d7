"""Which rows lie in the bulk of the data, by a robust Gaussian: cheap, and blind to what a network has learned."""

from __future__ import annotations

import torch
from torch import Tensor

TRUSTED_SHARE = 0.7
RIDGE = 0.05  # of a unit variance: keeps collinear columns from having a variance of nothing
CONCENTRATION_STEPS = 8


def robust_distances(values: Tensor) -> Tensor:
    """The squared Mahalanobis distance of each row from the bulk: (rows, features), standardised, to (rows,).

    Mean and covariance are those of the rows nearest to them, found by the concentration steps of FAST-MCD (Rousseeuw &
    Van Driessen 1999), started from all rows.
    """
    values = values.double()
    kept = torch.ones(len(values), dtype=torch.bool)
    for _ in range(CONCENTRATION_STEPS):
        centred = values - values[kept].mean(0)
        covariance = centred[kept].mT @ centred[kept] / kept.sum()
        covariance.diagonal().add_(RIDGE)
        whitened = torch.linalg.solve_triangular(torch.linalg.cholesky(covariance), centred.mT, upper=False)
        distances = whitened.square().sum(0)
        kept = distances <= torch.quantile(distances, TRUSTED_SHARE) if len(values) > 3 else kept
    return distances
