"""Too sure and too unsure probabilities are mended, good ones left alone."""

from __future__ import annotations

import numpy as np
import pytest

from anomalib_vae.imputing.label_calibration import LabelCalibration, frequencies, of_levels, softmax


def cells(count: int = 4000):
    """True probabilities and levels drawn from them, one-hot."""
    rng = np.random.default_rng(0)
    p = softmax(2 * rng.normal(size=(count, 3)))
    return p, np.eye(3)[[rng.choice(3, p=row) for row in p]]


@pytest.mark.parametrize("power", [0.6, 1.0, 2.0])
def test_temperature_undoes_what_is_too_sharp_or_too_flat(power):
    p, found = cells()
    spoiled = softmax(power * np.log(p))
    calibration = LabelCalibration.fit([(spoiled, found, 0)], [frequencies(found)])
    assert calibration.temperature == pytest.approx(power, rel=0.2)
    assert np.abs(calibration.probabilities(0, spoiled) - p).mean() < 0.03


def test_background_mends_guesses_that_pass_for_sure():
    p, found = cells()
    guesses = np.arange(len(p)) % 2 == 0
    found[guesses] = found[guesses][::-1]  # what is predicted there is right no more often than by chance
    calibration = LabelCalibration.fit([(p, found, 0)], [frequencies(found)])
    assert calibration.background == pytest.approx(0.5, abs=0.1)


def test_few_cells_leave_probabilities_as_they_are():
    p, found = cells(5)
    calibration = LabelCalibration.fit([(p, found, 0)], [frequencies(found)])
    assert calibration.temperature == pytest.approx(1.0, abs=0.1)
    assert LabelCalibration.fit([], []).temperature == 1.0
    assert LabelCalibration.fit([(p[:0], found[:0], 0)], [frequencies(found)]).background == 0.0


def test_of_levels():
    assert of_levels(np.array([[0.2]])) == pytest.approx(np.array([[0.8, 0.2]]))
    assert of_levels(np.array([[0.2, 0.3, 0.5]])).shape == (1, 3)
