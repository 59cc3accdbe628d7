"""A calibrated detector: rows that its model has not seen, p-values, and verdicts at a false discovery rate."""

from __future__ import annotations

import numpy as np
import pytest
from cases import SMALL, quick
from data import LIBRARIES, few_columns, mixed_frame
from gaussian import Gaussian, normal
from scipy.stats import binom
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator

from anomalib_vae import VAE, AnomalyDetector

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")


@pytest.fixture
def calibrated():
    return AnomalyDetector(Gaussian(), calibration_fraction=0.5, random_state=0).fit(normal(800, 0))


def test_calibration_rows_are_held_out_from_the_model():
    X = normal(200, 0)
    detector = AnomalyDetector(Gaussian(), calibration_fraction=0.2, random_state=3).fit(X)
    assert len(detector.training_scores_) == 160
    assert len(detector.calibration_scores_) == 40
    both = np.concatenate([detector.training_scores_, detector.calibration_scores_])
    np.testing.assert_allclose(np.sort(both), np.sort(detector.score_samples(X)))
    seen = X[np.isin(np.round(detector.score_samples(X), 9), np.round(detector.training_scores_, 9))]
    np.testing.assert_allclose(detector.model_.mean_, seen.mean(0))
    again, other = (clone(detector).set_params(random_state=seed).fit(X) for seed in (3, 4))
    np.testing.assert_array_equal(again.calibration_scores_, detector.calibration_scores_)
    assert not np.array_equal(other.calibration_scores_, detector.calibration_scores_)


@pytest.mark.parametrize("library", LIBRARIES)
def test_frames_of_every_library_are_calibrated(library):
    frame = LIBRARIES[library](mixed_frame())
    model = quick(VAE(**SMALL))
    detector = AnomalyDetector(model, calibration_fraction=0.3, random_state=0).fit(frame)
    assert len(detector.calibration_scores_) == 45
    p = detector.pvalues(frame)
    assert p.shape == (150,)
    assert p.min() >= 1 / 46
    assert p.max() <= 1
    frozen = AnomalyDetector(FrozenEstimator(detector.model_)).fit(frame)
    assert frozen.calibrate(frame) is frozen
    np.testing.assert_array_equal(frozen.calibration_scores_, frozen.score_samples(frame))


def test_calibrate_takes_the_place_of_earlier_rows_and_moves_the_threshold(calibrated):
    calibrated.set_params(contamination=0.1)
    offset = calibrated.offset_
    calibrated.calibrate(3 * normal(99, 1))
    assert len(calibrated.calibration_scores_) == 99
    assert calibrated.offset_ < offset
    assert calibrated.offset_ == pytest.approx(np.sort(calibrated.calibration_scores_)[9])
    X = normal(500, 2) * np.linspace(0.5, 6, 500)[:, None]
    np.testing.assert_array_equal(calibrated.predict(X) == -1, calibrated.pvalues(X) <= 0.1)
    calibrated.set_params(calibration_fraction=0.0).fit(normal(100, 0))
    with pytest.raises(NotFittedError, match="calibration"):
        calibrated.pvalues(X)


@pytest.mark.parametrize("use", [lambda d, X: d.pvalues(X), lambda d, X: d.predict(X, fdr=0.1)], ids=["pvalues", "fdr"])
def test_without_calibration_rows_both_remedies_are_told(use):
    detector = AnomalyDetector(Gaussian()).fit(few_columns())
    with pytest.raises(NotFittedError, match=r"calibration_fraction=0\.2 in fit, or give some to calibrate\(X\)"):
        use(detector, few_columns())


def test_a_detector_that_is_not_fitted_cannot_be_calibrated():
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        AnomalyDetector(Gaussian()).calibrate(few_columns())


def test_calibration_takes_at_least_a_row():
    detector = AnomalyDetector(quick(VAE(**SMALL))).fit(few_columns())
    with pytest.raises(ValueError, match=r"0 sample\(s\).*minimum of 1 is required"):
        detector.calibrate(few_columns().head(0))


@pytest.mark.parametrize(
    ("fraction", "error", "message"),
    [
        (1.0, ValueError, "AnomalyDetector.calibration_fraction must be below 1"),
        (-0.1, ValueError, "AnomalyDetector.calibration_fraction must be at least 0"),
        ("0.2", TypeError, "AnomalyDetector.calibration_fraction must be a number"),
        (
            0.99,
            ValueError,
            "calibration_fraction=0.99 of 178 rows leaves 1 for the model, which needs 2: give more rows",
        ),
    ],
)
def test_calibration_fractions_that_are_refused(fraction, error, message):
    with pytest.raises(error, match=message):
        AnomalyDetector(Gaussian(), calibration_fraction=fraction).fit(few_columns())


@pytest.mark.parametrize("source", ["calibration_fraction", "calibrate"])
def test_p_values_hold_what_they_promise_in_repeated_splits(source):
    """The model is far too sure about rows it has seen: 40 rows in 12 columns.  A right p-value fails the test for one
    seed in 3,000."""
    repeats, small = 800, dict.fromkeys((0.01, 0.05, 0.1), 0)
    detector = AnomalyDetector(Gaussian(), calibration_fraction=0.5).fit(normal(80, 0, 12))
    for seed in range(repeats):
        X = normal(100, seed, 12)
        if source == "calibrate":
            detector.calibrate(X[:-1])
        else:
            detector.set_params(random_state=seed).fit(X[:-1])
        (p,) = detector.pvalues(X[-1:])
        for alpha in small:
            small[alpha] += p <= alpha
    assert all(count <= binom.isf(1e-4, repeats, alpha) for alpha, count in small.items()), small
    assert small[0.1] > 0.05 * repeats


def test_the_false_discovery_rate_is_held_and_anomalies_are_found(calibrated):
    repeats, rows, anomalies, fdr = 300, 100, 15, 0.1
    false, by_threshold, found = np.zeros((3, repeats))
    for seed in range(repeats):
        X = normal(rows + 300, seed)
        X[:anomalies] += 3.5
        calibrated.calibrate(X[rows:])
        verdicts = calibrated.predict(X[:rows], fdr=fdr)
        false[seed] = np.mean(np.flatnonzero(verdicts == -1) >= anomalies) if (verdicts == -1).any() else 0
        found[seed] = np.mean(verdicts[:anomalies] == -1)
        by_threshold[seed] = np.mean(np.flatnonzero(calibrated.pvalues(X[:rows]) <= fdr) >= anomalies)
    assert false.mean() <= fdr + 3.72 * false.std() / np.sqrt(repeats)
    assert found.mean() > 0.8
    assert by_threshold.mean() > 2 * fdr  # what the simulation would show without the procedure
