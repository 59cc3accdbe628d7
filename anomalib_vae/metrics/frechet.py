"""The Fréchet distance of two sets of features, taken as Gaussian."""

from __future__ import annotations

from typing import Any

import numpy as np

from anomalib_vae.metrics.features import checked_pair


def frechet_distance(real: Any, generated: Any) -> float:
    """How far the mean and the covariance of generated features are from those of real ones; 0 where they agree.

    |μ_r - μ_g|² + tr(Σ_r + Σ_g - 2 (Σ_r Σ_g)^½), the squared 2-Wasserstein distance of two Gaussians: Heusel et al.
    2017, "GANs trained by a two time-scale update rule converge to a local Nash equilibrium".  On features of another
    network than theirs it is not their FID, but is read alike.  It is biased upwards, by about 1 / rows, so compare
    only distances from equally many rows, and from many more rows than features.

    real: (rows, features).  generated: (other rows, features).  In squared units of the features.
    Raises ValueError or TypeError naming the argument, as for fewer than two rows.
    """
    real, generated = checked_pair(real, generated, rows=(2, 2))
    apart = real.mean(0) - generated.mean(0)
    first, second = _root(real), _root(generated)
    # With Σ_r = RᵀR and Σ_g = GᵀG, (Σ_r Σ_g)^½ has as its trace the sum of R Gᵀ's singular values.  No covariance is
    # squared up, no root taken of an eigenvalue that rounding made negative, and singular ones need no special case.
    shared = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    spreads = np.square(first).sum() + np.square(second).sum()
    return max(0.0, float(apart @ apart + spreads - 2.0 * shared))


def _root(features: np.ndarray) -> np.ndarray:
    """An upper triangular R with RᵀR the features' covariance, (at most features, features)."""
    return np.linalg.qr(features - features.mean(0), mode="r") / np.sqrt(len(features) - 1)
