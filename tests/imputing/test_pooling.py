"""Rubin's rules, against figures worked out by hand and the limits that they must have."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from anomalib_vae import pool

ESTIMATES, VARIANCES = [1.0, 1.2, 0.8, 1.1, 0.9], [0.04, 0.05, 0.03, 0.04, 0.04]
WITHIN, BETWEEN = 0.04, 1.2 * 0.025  # the latter with its factor 1 + 1/m


def test_total_variance_is_that_within_and_between():
    pooled = pool(ESTIMATES, VARIANCES)
    assert pooled.estimate == pytest.approx(1.0)
    assert pooled.standard_error == pytest.approx(np.sqrt(WITHIN + BETWEEN))
    share = BETWEEN / (WITHIN + BETWEEN)
    assert pooled.degrees_of_freedom == pytest.approx(4 / share**2)
    ratio = BETWEEN / WITHIN
    assert pooled.missing_information == pytest.approx((ratio + 2 / (pooled.degrees_of_freedom + 3)) / (ratio + 1))


def test_degrees_of_freedom_of_barnard_and_rubin():
    share, of_complete = BETWEEN / (WITHIN + BETWEEN), 48
    old, observed = 4 / share**2, 49 / 51 * 48 * (1 - share)
    found = pool(ESTIMATES, VARIANCES, df_complete=of_complete).degrees_of_freedom
    assert found == pytest.approx(old * observed / (old + observed))
    assert found < of_complete
    assert pool(ESTIMATES, VARIANCES, df_complete=1e9).degrees_of_freedom == pytest.approx(old, rel=1e-6)


def test_interval_is_students():
    pooled = pool(ESTIMATES, VARIANCES, df_complete=48)
    low, high = pooled.interval(0.9)
    assert (low + high) / 2 == pytest.approx(1.0)
    assert high - 1 == pytest.approx(t.ppf(0.95, pooled.degrees_of_freedom) * pooled.standard_error)
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        pooled.interval(95)


def test_without_gaps_it_is_the_complete_analysis():
    pooled = pool([2.0] * 5, [0.25] * 5, df_complete=10)
    assert pooled.standard_error == pytest.approx(0.5)
    assert pooled.degrees_of_freedom == pytest.approx(11 / 13 * 10)
    assert pool([2.0] * 5, [0.25] * 5).missing_information == 0
    assert pool([2.0] * 5, [0.25] * 5).interval()[1] == pytest.approx(2 + 1.959964 * 0.5)


def test_several_quantities_are_pooled_each_by_itself():
    estimates = np.column_stack([ESTIMATES, [3.0] * 5])
    both = pool(estimates, np.column_stack([VARIANCES, [1.0] * 5]))
    assert both.estimate.tolist() == pytest.approx([1.0, 3.0])
    assert both.standard_error.tolist() == pytest.approx([np.sqrt(WITHIN + BETWEEN), 1.0])
    assert both.interval()[0].shape == (2,)


@pytest.mark.parametrize(
    ("estimates", "variances", "message"),
    [
        ([1.0], [1.0], "at least 2 imputations"),
        ([1.0, 2.0], [1.0], "must have one shape"),
        ([1.0, np.nan], [1.0, 1.0], "must be finite"),
        ([1.0, 2.0], [1.0, -1.0], "must not be negative"),
    ],
)
def test_bad_input(estimates, variances, message):
    with pytest.raises(ValueError, match=message):
        pool(estimates, variances)
    with pytest.raises(ValueError, match="df_complete must be above 0"):
        pool([1.0, 2.0], [1.0, 1.0], df_complete=0)
