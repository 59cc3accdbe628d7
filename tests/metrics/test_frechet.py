"""The Fréchet distance has its closed form, whatever the covariances are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from anomalib_vae.metrics import frechet_distance


def gaussian(mean, factor, rows: int = 50, seed: int = 0) -> np.ndarray:
    """Rows whose mean and covariance, factor @ factor.T, are exact."""
    noise = np.random.default_rng(seed).standard_normal((rows, len(factor)))
    noise -= noise.mean(0)
    white = np.linalg.solve(np.linalg.cholesky(np.cov(noise.T)), noise.T)
    return np.asarray(mean) + (factor @ white).T


def some(seed: int, rows: int = 12, width: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, width)) * 3.0 + seed % 5


def test_independent_features_differ_by_means_and_deviations():
    first = gaussian([0.0, 1.0, 5.0], np.diag([1.0, 2.0, 3.0]))
    second = gaussian([1.0, 1.0, 3.0], np.diag([2.0, 2.0, 0.5]), rows=70, seed=1)
    assert frechet_distance(first, second) == pytest.approx(1.0 + 4.0 + (1.0 + 0.0 + 2.5**2))


def test_full_covariances_take_the_root_of_their_product():
    rng = np.random.default_rng(3)
    first, second = rng.standard_normal((2, 5, 5))
    covariances = first @ first.T, second @ second.T
    root = np.real(sqrtm(covariances[0] @ covariances[1]))
    expected = 5.0 + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert frechet_distance(gaussian(np.ones(5), first), gaussian(np.zeros(5), second)) == pytest.approx(expected)


def test_fewer_rows_than_features_and_constant_features_are_no_trouble():
    rows = some(0, rows=4, width=30)
    rows[:, 3] = 7.0
    assert frechet_distance(rows, rows) == pytest.approx(0.0, abs=1e-10)
    assert frechet_distance(rows, rows + 2.0) == pytest.approx(30 * 4.0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 10_000), st.floats(0.1, 10.0))
def test_it_is_a_squared_distance(seed, other, scale):
    first, second = some(seed), some(other, rows=9)
    distance = frechet_distance(first, second)
    assert frechet_distance(first, first) == pytest.approx(0.0, abs=1e-9)
    assert distance >= 0.0
    assert frechet_distance(second, first) == pytest.approx(distance)
    assert frechet_distance(scale * first, scale * second) == pytest.approx(scale**2 * distance, abs=1e-9)
    rotation = np.linalg.qr(some(1, rows=4))[0]
    assert frechet_distance(first @ rotation, second @ rotation) == pytest.approx(distance)
