"""What a stationary Gaussian knows of sensors that follow each other."""

from __future__ import annotations

import numpy as np
import pytest

from anomalib_vae.imputing.series.stationary_gaussian import StationaryGaussian, autocovariance
from anomalib_vae.imputing.series.stepped import SteppedSeries

DELAY, STEPS = 3, 600


def series_of(values: np.ndarray) -> SteppedSeries:
    return SteppedSeries(values, np.array([0, len(values)]), np.arange(len(values)))


@pytest.fixture
def leader_and_follower():
    """White noise, and the same some steps later: what lies ahead of one sensor is told by the other's past alone."""
    noise = np.random.default_rng(0).standard_normal(STEPS + DELAY)
    return np.stack([noise[DELAY:], noise[:STEPS]], 1)


@pytest.mark.parametrize("sensor", [0, 1])
def test_a_sensor_is_told_by_the_steps_of_the_other_that_follow_or_lead_it(leader_and_follower, sensor):
    series = series_of(leader_and_follower)
    gaussian = StationaryGaussian.of(autocovariance(series, 12))
    cells = np.zeros(series.values.shape, bool)
    cells[20:580:9, sensor] = True
    filled = gaussian.expect(series.hide(cells), np.zeros_like(series.values))
    error = (filled - series.values)[cells]
    assert np.sqrt(np.mean(error**2)) < 0.2
    np.testing.assert_array_equal(filled[~cells], series.values[~cells])


def test_autocovariances_look_ahead(leader_and_follower):
    found = autocovariance(series_of(leader_and_follower), 6)
    assert found[DELAY, 0, 1] == pytest.approx(1.0, abs=0.15)
    assert np.abs(np.delete(found[:, 0, 1], DELAY)).max() < 0.15
    assert np.abs(found[:, 1, 0]).max() < 0.15
