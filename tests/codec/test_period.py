"""The length of windows is read off the series."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from anomalib_vae.codec import period
from anomalib_vae.codec.period import dominant_period
from anomalib_vae.codec.table import TableCodec
from anomalib_vae.codec.timeline import NOTHING
from anomalib_vae.datasets import load_ambient_temperature


def found(X, segments=None) -> int:
    table = TableCodec.fit(X)
    rows = table.encode(X).select(table.layout.targets)
    return dominant_period(rows, [np.arange(len(X))] if segments is None else segments)


def waves(steps: int, length: float, noise: float = 0.3) -> np.ndarray:
    rng = np.random.default_rng(0)
    phase = 2 * np.pi * np.arange(steps)[:, None] / length
    return np.sin(phase + np.arange(3.0)) + noise * rng.normal(size=(steps, 3))


@pytest.mark.parametrize("length", [20, 48, 100])
def test_a_wave_has_its_length(length):
    assert found(waves(1500, length)) == pytest.approx(length, abs=2)


def test_missing_cells_and_steps_do_not_hide_it():
    X = pd.DataFrame(waves(1500, 48))
    X = X.mask(np.random.default_rng(1).random(X.shape) < 0.3)
    steps = np.insert(np.arange(len(X)), 700, [NOTHING] * 7)
    assert found(X, [steps]) == pytest.approx(48, abs=2)


def test_the_temperature_of_a_house_has_the_period_of_a_day():
    X = load_ambient_temperature()[["temperature"]].iloc[:4000]
    assert found(X) == pytest.approx(24, abs=2)


def test_noise_and_constants_get_the_usual_length():
    assert found(np.random.default_rng(0).normal(size=(1000, 2))) == period.USUAL
    assert found(np.ones((1000, 2))) == period.USUAL


def test_a_short_series_gets_short_windows():
    assert found(waves(100, 48)) == 25
    assert found(np.ones((3, 1))) == 1
