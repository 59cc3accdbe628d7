"""The role of a detector: thresholds and verdicts; reasons and p-values have files of their own."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from cases import SMALL
from data import few_columns
from gaussian import Gaussian, normal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from anomalib_vae import VAE, AnomalyDetector, load

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")

FAR = pd.DataFrame({"alcohol": [30.0], "malic_acid": [2.0], "flavanoids": [2.0], "proline": [700.0]})


@pytest.fixture(scope="module")
def detector():
    return AnomalyDetector(VAE(**{**SMALL, "max_epochs": 100}), contamination=0.1).fit(few_columns())


@pytest.mark.parametrize("contamination", [0.01, 0.1, 0.25, 0.5])
def test_contamination_is_the_share_of_training_rows_called_anomalies(contamination):
    verdicts = AnomalyDetector(VAE(**SMALL), contamination=contamination).fit_predict(few_columns())
    assert np.mean(verdicts == -1) == pytest.approx(contamination, abs=0.01)


def test_auto_takes_only_what_lies_beyond_the_outer_fence():
    frame = pd.concat([few_columns(), FAR * 10], ignore_index=True)
    detector = AnomalyDetector(VAE(**SMALL)).fit(few_columns())
    scores = detector.score_samples(few_columns())
    low, high = np.percentile(scores, [25, 75])
    assert detector.offset_ == pytest.approx(low - 3 * (high - low))
    assert detector.predict(frame)[-1] == -1
    assert np.mean(detector.predict(few_columns()) == -1) < 0.05


def test_verdict_decision_and_score_agree(detector):
    scores, decision = detector.score_samples(few_columns()), detector.decision_function(few_columns())
    np.testing.assert_allclose(decision, scores - detector.offset_)
    np.testing.assert_array_equal(detector.predict(few_columns()), np.where(decision < 0, -1, 1))
    assert detector.predict(few_columns()).dtype.kind == "i"


def test_an_obvious_outlier_is_an_anomaly(detector):
    assert detector.predict(FAR) == [-1]


def test_the_default_model_is_a_vae():
    assert AnomalyDetector().model is None
    assert type(AnomalyDetector()._default_model()) is VAE


def test_random_state_is_handed_to_the_model():
    model = VAE(**{**SMALL, "random_state": None, "max_epochs": 2})
    one, again, other = (
        AnomalyDetector(model, random_state=seed).fit(few_columns()).score_samples(few_columns()) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("model", [GaussianMixture(random_state=0), PCA(2)], ids=["GaussianMixture", "PCA"])
def test_any_model_that_scores_samples_can_be_used(model):
    detector = AnomalyDetector(model, contamination=0.1).fit(few_columns())
    assert detector.predict(FAR) == [-1]
    np.testing.assert_array_equal(detector.score_samples(few_columns()), detector.model_.score_samples(few_columns()))


# ---------------------------------------------------------------------- contamination of a fitted detector
@pytest.mark.parametrize("contamination", [0, 0.02, 0.3, "auto"])
@pytest.mark.parametrize("change", ["set_params", "attribute"])
def test_contamination_of_a_fitted_detector_can_be_changed(change, contamination):
    detector = AnomalyDetector(Gaussian(), contamination=0.1).fit(few_columns())
    model = detector.model_
    if change == "attribute":
        detector.contamination = contamination
    else:
        detector.set_params(contamination=contamination)
    anew = AnomalyDetector(Gaussian(), contamination=contamination).fit(few_columns())
    assert detector.offset_ == anew.offset_
    assert detector.model_ is model
    np.testing.assert_array_equal(detector.predict(few_columns()), anew.predict(few_columns()))


def test_a_loaded_detector_can_change_its_contamination(tmp_path):
    detector = AnomalyDetector(VAE(**SMALL), contamination=0.1, calibration_fraction=0.2, random_state=0)
    detector.fit(few_columns()).save(tmp_path)
    again = load(tmp_path)
    np.testing.assert_array_equal(again.pvalues(few_columns()), detector.pvalues(few_columns()))
    for contamination in (0.25, "auto", 0):
        before = detector.offset_
        assert (
            again.set_params(contamination=contamination).offset_
            == detector.set_params(contamination=contamination).offset_
        )
        assert detector.offset_ != before
    assert pickle.loads(pickle.dumps(detector)).set_params(contamination=0.3).predict(FAR) == [-1]


def test_a_contamination_that_makes_no_sense_changes_nothing():
    detector = AnomalyDetector(Gaussian(), contamination=0.1).fit(few_columns())
    offset = detector.offset_
    for wrong, error in ((0.6, ValueError), (-0.1, ValueError), ("some", ValueError), (None, TypeError)):
        with pytest.raises(error, match=r"AnomalyDetector\.contamination must be"):
            detector.set_params(contamination=wrong)
    assert (detector.contamination, detector.offset_) == (0.1, offset)


def test_there_is_no_threshold_before_fit():
    detector = AnomalyDetector(Gaussian(), contamination=0.1).set_params(contamination=0.2)
    assert not hasattr(detector, "offset_")
    assert not hasattr(clone(detector.fit(few_columns())), "offset_")


def test_clean_training_rows_are_all_normal(detector):
    detector = clone(detector).set_params(contamination=0).fit(few_columns())
    assert (detector.predict(few_columns()) == 1).all()
    assert detector.predict(FAR) == [-1]


def test_clean_training_rows_are_all_normal_however_many_there_are():
    X = normal(6000, 0)
    detector = AnomalyDetector(Gaussian(), contamination=0).fit(X)
    assert len(detector.training_scores_) == 2048
    assert (detector.predict(X) == 1).all()
    assert (AnomalyDetector(Gaussian(), contamination="auto").fit(X).set_params(contamination=0).predict(X) == -1).any()


# ---------------------------------------------------------------------- verdicts over the rows of a call
@pytest.fixture
def calibrated():
    return AnomalyDetector(Gaussian(), calibration_fraction=0.5, random_state=0).fit(normal(800, 0))


def test_a_budget_takes_the_most_anomalous_rows(detector):
    scores = detector.score_samples(few_columns())
    verdicts = detector.predict(few_columns(), budget=5)
    assert set(np.flatnonzero(verdicts == -1)) == set(np.argsort(scores)[:5])
    assert set(verdicts) == {-1, 1}
    assert (detector.predict(few_columns().head(3), budget=5) == -1).all()


def test_of_equal_rows_the_first_are_in_the_budget():
    detector = AnomalyDetector(Gaussian()).fit(normal(100, 0))
    verdicts = detector.predict(np.full((20, 4), 7.0), budget=6)
    np.testing.assert_array_equal(verdicts, [-1] * 6 + [1] * 14)


def test_verdicts_of_known_scores_are_those_of_their_rows(calibrated):
    X = normal(200, 1) * 2
    for rule in ({}, {"fdr": 0.2}, {"budget": 9}):
        np.testing.assert_array_equal(
            calibrated.verdicts(calibrated.score_samples(X), **rule), calibrated.predict(X, **rule)
        )


@pytest.mark.parametrize(
    ("rule", "error", "message"),
    [
        ({"fdr": 0.1, "budget": 5}, ValueError, "fdr and budget can't both hold"),
        ({"fdr": 0.0}, ValueError, "fdr must be above 0"),
        ({"fdr": 1.0}, ValueError, "fdr must be below 1"),
        ({"budget": 0}, ValueError, "budget must be at least 1"),
        ({"budget": 5.0}, TypeError, "budget must be an integer"),
    ],
)
def test_rules_that_are_refused(calibrated, rule, error, message):
    with pytest.raises(error, match=message):
        calibrated.predict(normal(10, 1), **rule)


# ---------------------------------------------------------------------- a threshold by costs
def labelled() -> tuple[np.ndarray, np.ndarray]:
    X = normal(300, 5)
    X[:30] += 1.5
    return X, np.where(np.arange(300) < 30, -1, 1)


def total_cost(verdicts, y, missed, false_alarm) -> float:
    return missed * np.sum((y == -1) & (verdicts == 1)) + false_alarm * np.sum((y == 1) & (verdicts == -1))


def test_a_tuned_threshold_costs_least(calibrated):
    X, y = labelled()
    assert calibrated.tune_threshold(X, y, missed=5, false_alarm=1) is calibrated
    assert calibrated.threshold_is_tuned_
    tuned = total_cost(calibrated.predict(X), y, 5, 1)
    wary = calibrated.offset_
    others = [total_cost(calibrated.set_params(contamination=c).predict(X), y, 5, 1) for c in (0, 0.01, 0.1, 0.2, 0.4)]
    assert tuned <= min(others)
    assert calibrated.tune_threshold(X, y, missed=1, false_alarm=5).offset_ < wary


def test_a_tuned_threshold_stays_until_contamination_or_the_model_changes(calibrated, tmp_path):
    (X, y), by_contamination = labelled(), calibrated.offset_
    tuned = calibrated.tune_threshold(X, y, missed=5, false_alarm=1).offset_
    assert tuned != by_contamination
    assert calibrated.calibrate(normal(50, 3)).offset_ == tuned
    assert calibrated.set_params(calibration_fraction=0.5).offset_ == tuned
    assert calibrated.set_params(contamination="auto").offset_ != tuned
    calibrated.tune_threshold(X, y, missed=5, false_alarm=1).fit(normal(800, 0))
    assert calibrated.offset_ == by_contamination
    assert not calibrated.threshold_is_tuned_


def test_a_tuned_threshold_is_saved(detector, tmp_path):
    y = np.where(few_columns()["proline"] > 1400, -1, 1)
    detector = copy.deepcopy(detector).tune_threshold(few_columns(), y, missed=10, false_alarm=1)
    again = load(detector.save(tmp_path) and tmp_path)
    assert again.offset_ == detector.offset_
    assert again.calibrate(few_columns()).offset_ == detector.offset_
    assert again.set_params(contamination=0.1).offset_ != detector.offset_


@pytest.mark.parametrize(
    ("y", "costs", "message"),
    [
        (lambda y: (y + 1) // 2, {}, "y must be 1 for a normal row and -1 for an anomaly, got 0"),
        (lambda y: y[:-1], {}, "y must hold a label for each of the 300 rows of X"),
        (lambda y: abs(y), {}, "y holds 1 only"),
        (lambda y: y, {"missed": -1}, "missed must be at least 0"),
        (lambda y: y, {"missed": 0, "false_alarm": 0}, "both 0"),
    ],
)
def test_labels_and_costs_that_are_refused(calibrated, y, costs, message):
    X, labels = labelled()
    offset = calibrated.offset_
    with pytest.raises(ValueError, match=message):
        calibrated.tune_threshold(X, y(labels), **{"missed": 1, "false_alarm": 1, **costs})
    assert (calibrated.offset_, calibrated.threshold_is_tuned_) == (offset, False)
