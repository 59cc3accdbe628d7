"""Conformal p-values and discoveries: what they promise holds in finite samples, for any distribution of scores."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from anomalib_vae.scoring import conformal

RARE = 1e-4  # a right procedure fails a test of a simulation with this probability, were the seed drawn anew


def draws(distribution: str, repeats: int, rows: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return {
        "normal": lambda: random.normal(size=(repeats, rows)),
        "heavy-tailed": lambda: random.standard_t(1, size=(repeats, rows)),
        "tied": lambda: random.poisson(1.0, size=(repeats, rows)).astype(float),
    }[distribution]()


def test_a_p_value_counts_calibration_scores_at_or_below():
    p = conformal.pvalues(np.array([-5.0, 1.0, 1.5, 2.0, 9.0]), np.array([4.0, 1.0, 2.0, 2.0]))
    np.testing.assert_allclose(p, [1 / 5, 2 / 5, 2 / 5, 4 / 5, 5 / 5])


def test_rounding_does_not_break_a_tie():
    calibration = np.array([-1000.0, 3.0])
    np.testing.assert_array_equal(conformal.pvalues(calibration * (1 + 1e-13), calibration), [2 / 3, 1.0])
    np.testing.assert_array_equal(conformal.pvalues(calibration * (1 - 1e-13), calibration), [2 / 3, 1.0])


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1])
@pytest.mark.parametrize("n_calibration", [20, 99, 150])
@pytest.mark.parametrize("distribution", ["normal", "heavy-tailed", "tied"])
def test_a_normal_row_has_a_small_p_value_no_more_often_than_it_says(distribution, n_calibration, alpha):
    """Without ties P(p <= α) is floor(α (n + 1)) / (n + 1), so a p-value that is too large is found out as well."""
    repeats = 4000
    scores = draws(distribution, repeats, n_calibration + 1)
    p = np.concatenate([conformal.pvalues(row[-1:], row[:-1]) for row in scores])
    small = np.count_nonzero(p <= alpha)
    exactly = np.floor(round(alpha * (n_calibration + 1), 9)) / (n_calibration + 1)
    assert small <= binom.isf(RARE, repeats, exactly)
    if distribution != "tied":
        assert small >= binom.ppf(RARE, repeats, exactly)


@pytest.mark.parametrize("n_calibration", [1, 19, 99, 150])
@pytest.mark.parametrize("level", [0.01, 0.05, 0.07, 0.29, 0.5])
def test_a_score_is_below_the_threshold_where_its_p_value_is_at_most_the_level(level, n_calibration):
    calibration, scores = draws("normal", 1, n_calibration)[0], draws("normal", 1, 500, seed=1)[0]
    scores = np.concatenate([scores, calibration])
    below = scores < conformal.threshold(calibration, level)
    can_tell = 1 / (n_calibration + 1) <= level
    np.testing.assert_array_equal(
        below, conformal.pvalues(scores, calibration) <= level if can_tell else scores < calibration.min()
    )


def test_discoveries_are_those_of_the_published_example():
    """Benjamini and Hochberg 1995, section 3.2: four of fifteen."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590]
    found = conformal.discoveries(np.array([*p, 1.0])[::-1], 0.05)
    np.testing.assert_array_equal(found, [False] * 11 + [True] * 4)


@pytest.mark.parametrize("share_of_anomalies", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("fdr", [0.05, 0.1, 0.3])
def test_the_false_discovery_rate_is_held(fdr, share_of_anomalies):
    """Each repeat has calibration rows of its own, and the p-values of its rows share them."""
    repeats, rows, n_calibration = 600, 100, 400
    anomalies = round(share_of_anomalies * rows)
    scores = draws("normal", repeats, rows + n_calibration)
    scores[:, :anomalies] -= 5
    false, true = np.zeros(repeats), np.zeros(repeats)
    for i, row in enumerate(scores):
        found = conformal.discoveries(conformal.pvalues(row[:rows], row[rows:]), fdr)
        false[i] = found[anomalies:].sum() / max(found.sum(), 1)
        true[i] = found[:anomalies].sum()
    error = 3.72 * false.std() / np.sqrt(repeats)  # the normal distribution's quantile of RARE
    assert false.mean() <= fdr + error
    if share_of_anomalies == 0.2:
        assert true.mean() > 0.8 * anomalies
        assert false.mean() >= fdr * (1 - share_of_anomalies) * 0.5  # it is no better for finding next to nothing


@pytest.mark.parametrize("fdr", [0, 1, -0.1, 1.5, float("nan")])
def test_a_rate_outside_its_range_is_refused(fdr):
    with pytest.raises(ValueError, match=r"fdr must be (above 0|below 1), got"):
        conformal.discoveries(np.array([0.1]), fdr)


@pytest.mark.parametrize("fdr", ["0.1", True])
def test_a_rate_that_is_no_number_is_refused(fdr):
    with pytest.raises(TypeError, match="fdr must be a number"):
        conformal.discoveries(np.array([0.1]), fdr)
