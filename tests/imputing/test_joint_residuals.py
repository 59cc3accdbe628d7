"""Noise of cells missing in one row has the dependence that residuals showed."""

from __future__ import annotations

import numpy as np
import pytest

from anomalib_vae.imputing.joint_residuals import dependent_noise, precision_of

CORRELATION = np.array([[1.0, 0.8, 0.3], [0.8, 1.0, 0.1], [0.3, 0.1, 1.0]])


def residuals(rows: int, hidden: float = 0.0) -> np.ndarray:
    """Of each cell given the others, of rows from N(0, CORRELATION); some are not there."""
    rng = np.random.default_rng(0)
    x, precision = rng.multivariate_normal(np.zeros(3), CORRELATION, rows), np.linalg.inv(CORRELATION)
    found = x @ precision / np.diag(precision)
    return np.where(rng.random(found.shape) < hidden, np.nan, found)


@pytest.mark.parametrize("hidden", [0.0, 0.3])
def test_precision_is_found_and_gives_back_the_correlation(hidden):
    precision = precision_of(residuals(20_000, hidden))
    assert np.diag(precision) == pytest.approx(np.ones(3))
    noise = dependent_noise(precision, np.ones((20_000, 3), bool), np.random.default_rng(1))
    np.testing.assert_allclose(np.corrcoef(noise.T), CORRELATION, atol=0.04)
    np.testing.assert_allclose(noise.std(axis=0), 1.0, atol=0.03)


def test_noise_of_a_pair_has_their_partial_dependence():
    """Given the third column, the first two have their partial correlation."""
    missing = np.tile([True, True, False], (20_000, 1))
    noise = dependent_noise(precision_of(residuals(20_000)), missing, np.random.default_rng(1))
    first, second, third = CORRELATION[0, 1], CORRELATION[0, 2], CORRELATION[1, 2]
    partial = (first - second * third) / np.sqrt((1 - second**2) * (1 - third**2))
    assert np.corrcoef(noise[:, :2].T)[0, 1] == pytest.approx(partial, abs=0.03)
    assert np.corrcoef(noise[:, 1:].T)[0, 1] == pytest.approx(0.0, abs=0.03)


def test_few_rows_say_little():
    assert abs(precision_of(residuals(20_000))[0, 1]) > 2 * abs(precision_of(residuals(10))[0, 1])


@pytest.mark.parametrize("rows", [0, 1])
def test_without_residuals_cells_are_independent(rows):
    assert precision_of(np.full((rows, 3), np.nan)).tolist() == np.eye(3).tolist()
    alike = np.tile(np.linspace(0, 1, 500)[:, None], (1, 3))
    assert np.linalg.eigvalsh(precision_of(alike)).min() > 0
