"""Known anomalies, labelled in fit: never learned as normal, and rows like them score lower."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from cases import SMALL, quick
from data import LIBRARIES, complete_frame, few_columns, mixed_frame
from gaussian import Gaussian, normal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from anomalib_vae import VAE, AnomalyDetector, load
from anomalib_vae.scoring.known_anomalies import MAX_NORMAL

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")

MODEL = VAE(**SMALL)


def with_cluster(rows: int = 240, odd: int = 24, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Normal rows, and anomalies in a small cluster among them that a density calls likely; and which those are."""
    random = np.random.default_rng(seed)
    cluster = random.normal([1.2, -1.2, 1.2, -1.2], 0.15, (odd, 4))
    X = np.concatenate([normal(rows, seed), cluster])
    order = random.permutation(len(X))
    return pd.DataFrame(X[order], columns=list("abcd")), order >= rows


def labels(is_anomaly: np.ndarray, known: int) -> np.ndarray:
    """-1 for so many of the anomalies, 0 for all other rows."""
    y = np.zeros(len(is_anomaly), int)
    y[np.flatnonzero(is_anomaly)[:known]] = -1
    return y


@pytest.fixture(scope="module")
def fitted():
    X, is_anomaly = with_cluster()
    y = labels(is_anomaly, 8)
    return AnomalyDetector(MODEL).fit(X, y), X, y, is_anomaly


# ---------------------------------------------------------------------- what labels do
def test_rows_like_known_anomalies_are_found(fitted):
    detector, X, y, is_anomaly = fitted
    without = AnomalyDetector(MODEL).fit(X)
    unlabelled = y == 0
    before, after = (
        roc_auc_score(is_anomaly[unlabelled], -d.score_samples(X)[unlabelled]) for d in (without, detector)
    )
    assert before < 0.85
    assert after > 0.97


def test_the_more_are_known_the_lower_the_others_score():
    X, is_anomaly = with_cluster()
    others = np.flatnonzero(is_anomaly)[12:]
    model = FrozenEstimator(clone(MODEL).fit(X[~is_anomaly]))
    means = []
    for known in (0, 1, 3, 12):
        scores = AnomalyDetector(model).fit(X, labels(is_anomaly, known)).score_samples(X)
        means.append(scores[others].mean())
    assert means == sorted(means, reverse=True)
    assert means[0] - means[-1] > 1


def test_rows_far_from_all_known_ones_keep_their_score(fitted):
    detector, X, _, _ = fitted
    far = X.head(5) + np.array([-40.0, 40, 40, 40])
    rows = detector.model_.encode(far)
    assert (detector.score_samples(far) < detector.training_scores_.min()).all()
    np.testing.assert_allclose(detector.score_samples(far), detector._score_batch(rows), rtol=0.01)


def test_rows_known_to_be_normal_count_more_than_unlabelled_ones(fitted):
    detector, X, y, is_anomaly = fitted
    to_cluster = np.linalg.norm(X - X[is_anomaly].mean(), axis=1)
    nearest = np.argsort(np.where(is_anomaly, np.inf, to_cluster))[:10]
    cleared = y.copy()
    cleared[nearest] = 1
    surer = AnomalyDetector(MODEL).fit(X, cleared)
    np.testing.assert_array_equal(surer.neighbourhood_.values, detector.neighbourhood_.values)
    assert (surer.score_samples(X.iloc[nearest]) > detector.score_samples(X.iloc[nearest])).all()


@pytest.mark.parametrize("fraction", [0.0, 0.25])
def test_known_anomalies_are_nowhere_among_what_is_learned_as_normal(fraction):
    X, is_anomaly = with_cluster()
    y = labels(is_anomaly, 10)
    settings = {"calibration_fraction": fraction, "random_state": 3}
    detector = AnomalyDetector(MODEL, **settings).fit(X, y)
    clean = AnomalyDetector(MODEL, **settings).fit(X[y == 0])
    np.testing.assert_array_equal(detector.model_.score_samples(X), clean.model_.score_samples(X))
    assert np.array_equal(detector.neighbourhood_.values, clean.neighbourhood_.values)
    assert len(detector.training_scores_) == len(clean.training_scores_)
    assert len(detector.calibration_scores_) == np.ceil(fraction * (y == 0).sum())


def test_the_threshold_follows_the_sharpened_scores_of_the_other_rows(fitted):
    detector, X, y, _ = fitted
    np.testing.assert_allclose(np.sort(detector.training_scores_), np.sort(detector.score_samples(X[y == 0])))
    detector = clone(detector).set_params(contamination=0.1).fit(X, y)
    assert np.mean(detector.predict(X[y == 0]) == -1) == pytest.approx(0.1, abs=0.01)
    assert np.mean(detector.predict(X[y == -1]) == -1) > 0.9


def test_p_values_of_normal_rows_hold_what_they_promise():
    """Calibration rows teach neither the model nor what known anomalies tell."""
    X, is_anomaly = with_cluster(rows=400)
    y = labels(is_anomaly, 12)
    chosen = (y == -1) | ~is_anomaly
    detector = AnomalyDetector(MODEL, calibration_fraction=0.5, random_state=0).fit(X[chosen], y[chosen])
    p = detector.pvalues(pd.DataFrame(normal(4000, 7), columns=list("abcd")))
    for alpha in (0.05, 0.1, 0.3):
        assert np.mean(p <= alpha) < alpha + 3.7 * np.sqrt(alpha * (1 - alpha) / 200)  # 200 calibration rows
    assert np.mean(detector.pvalues(X[is_anomaly & (y == 0)]) <= 0.1) > 0.8


# ---------------------------------------------------------------------- without labels nothing changes
@pytest.mark.parametrize("y", [None, np.zeros(178), np.ones(178, int), [0] * 178, pd.Series(1.0, range(178))], ids=repr)
@pytest.mark.parametrize("fraction", [0.0, 0.2])
def test_without_known_anomalies_everything_is_as_without_labels(y, fraction):
    settings = {"calibration_fraction": fraction, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", message="posterior collapse")
        given = AnomalyDetector(quick(MODEL), **settings).fit(few_columns(), y)
    plain = AnomalyDetector(quick(MODEL), **settings).fit(few_columns())
    assert given.known_anomalies_ is None
    np.testing.assert_array_equal(given.score_samples(few_columns()), plain.score_samples(few_columns()))
    np.testing.assert_array_equal(given.calibration_scores_, plain.calibration_scores_)
    assert given.offset_ == plain.offset_


@pytest.mark.parametrize("y", [np.arange(178) % 3, np.linspace(0, 5, 178), np.arange(178) % 2 == 0])
def test_a_target_without_a_known_anomaly_is_ignored_with_a_warning(y):
    with pytest.warns(UserWarning, match="y holds no -1, the label of a known anomaly, and is ignored"):
        given = AnomalyDetector(Gaussian()).fit(few_columns(), y)
    np.testing.assert_array_equal(
        given.training_scores_, AnomalyDetector(Gaussian()).fit(few_columns()).training_scores_
    )


# ---------------------------------------------------------------------- what is taken
@pytest.mark.parametrize(
    "convert",
    [
        list,
        pd.Series,
        np.asarray,
        lambda y: y.astype(float),
        lambda y: y.astype(object),
        lambda y: pd.Series(y, dtype="Int64"),
    ],
)
def test_labels_come_as_arrays_lists_and_series(fitted, convert):
    detector, X, y, _ = fitted
    again = AnomalyDetector(FrozenEstimator(detector.model_)).fit(X, convert(y))
    np.testing.assert_array_equal(again.score_samples(X), detector.score_samples(X))


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("fraction", [0.0, 0.2])
def test_every_kind_of_frame_and_column_can_be_labelled(library, fraction):
    frame = mixed_frame()
    y = np.where(np.arange(len(frame)) % 10 == 0, -1, 0)
    model = quick(AnomalyDetector(MODEL, calibration_fraction=fraction, random_state=0))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="column .* levels never seen in training")
        of_pandas = clone(model).fit(frame, y).score_samples(frame)
        given = LIBRARIES[library](frame)
        found = clone(model).fit(given, y).score_samples(given)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, of_pandas, rtol=1e-6)


def test_one_known_anomaly_and_copies_are_enough():
    X, is_anomaly = with_cluster()
    X[is_anomaly] = X[is_anomaly].iloc[0].to_numpy()
    for known in (1, 20):
        assert np.isfinite(AnomalyDetector(quick(MODEL)).fit(X, labels(is_anomaly, known)).score_samples(X)).all()
    constant = pd.DataFrame({"a": [1.0] * 40, "b": [2.0] * 40})
    constant.iloc[0] = 9.0
    y = [-1] + [0] * 39
    assert np.isfinite(AnomalyDetector(quick(MODEL)).fit(constant, y).score_samples(constant)).all()


def test_arrays_and_names_that_are_no_strings(fitted):
    detector, X, y, _ = fitted
    by_array = AnomalyDetector(MODEL).fit(X.to_numpy(), y)
    np.testing.assert_array_equal(by_array.score_samples(X.to_numpy()), detector.score_samples(X))
    numbered = X.set_axis(range(4), axis=1)
    np.testing.assert_array_equal(
        AnomalyDetector(MODEL).fit(numbered, y).score_samples(numbered), detector.score_samples(X)
    )


def test_a_model_from_elsewhere_does_not_see_known_anomalies():
    X, is_anomaly = with_cluster()
    y = labels(is_anomaly, 20)
    detector = AnomalyDetector(Gaussian()).fit(X.to_numpy(), y)
    np.testing.assert_array_equal(detector.model_.mean_, X.to_numpy()[y == 0].mean(0))
    assert detector.known_anomalies_ is None


def test_distances_may_have_no_weight(fitted):
    _, X, y, is_anomaly = fitted
    detector = AnomalyDetector(MODEL, neighbour_weight=0).fit(X, y)
    assert detector.neighbourhood_ is None
    assert roc_auc_score(is_anomaly[y == 0], -detector.score_samples(X[y == 0])) > 0.95


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([-1, 2] * 89, "y must be -1 for a known anomaly, 1 for a normal row and 0 for an unlabelled one, got 2"),
        ([-1.0, np.nan] * 89, "y must be -1 .* got nan"),
        (["fraud", "fine"] * 89, "y must be -1 .* got 'fraud'"),
        ([-1, None] * 89, "y must be -1 .* got None"),
        ([-1] * 10, r"a label for each of the 178 rows of X, got the shape \(10,\)"),
        ([[-1]] * 178, r"got the shape \(178, 1\)"),
        (-1, r"got the shape \(\)"),
        ([-1] * 178, "y calls 178 of 178 rows anomalies .* leaves 0 for the model, which needs 2"),
        ([-1] * 177 + [1], "leaves 1 for the model, which needs 2"),
    ],
)
def test_labels_that_make_no_sense_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        AnomalyDetector(Gaussian()).fit(few_columns(), y)


# ---------------------------------------------------------------------- scikit-learn, folders, reasons
def test_results_survive_folders_pickles_and_clones(fitted, tmp_path):
    detector, X, y, _ = fitted
    detector.save(tmp_path)
    for again in (load(tmp_path), pickle.loads(pickle.dumps(detector)), clone(detector).fit(X, y)):
        np.testing.assert_array_equal(again.score_samples(X), detector.score_samples(X))
        np.testing.assert_array_equal(again.predict(X), detector.predict(X))
    assert not hasattr(clone(detector), "known_anomalies_")
    alone = AnomalyDetector(quick(MODEL), neighbour_weight=0).fit(X, y).save(tmp_path)
    np.testing.assert_array_equal(load(tmp_path).score_samples(X), alone.score_samples(X))
    assert load(tmp_path).neighbourhood_ is None


def test_a_second_fit_without_labels_forgets_them(fitted):
    _, X, y, _ = fitted
    detector = AnomalyDetector(quick(MODEL)).fit(X, y).fit(X)
    np.testing.assert_array_equal(detector.score_samples(X), AnomalyDetector(quick(MODEL)).fit(X).score_samples(X))


def test_pipelines_and_cross_validation_hand_labels_on(fitted):
    _, X, y, is_anomaly = fitted

    def found(detector, X, y):
        return np.mean(detector.predict(X)[y == -1] == -1)

    pipeline = make_pipeline(StandardScaler(), AnomalyDetector(MODEL, contamination=0.15))
    assert (pipeline.fit(X, y)[-1].known_anomalies_.anchors).shape == (8 + MAX_NORMAL, 4)
    truth = np.where(is_anomaly, -1, 1)
    assert cross_val_score(pipeline, X, truth, scoring=found, cv=2).mean() > 0.8


def test_a_row_scores_the_same_whatever_the_rows_beside_it(fitted):
    detector, X, _, _ = fitted
    alone = np.concatenate([detector.score_samples(X.iloc[[i]]) for i in range(0, len(X), 20)])
    np.testing.assert_allclose(alone, detector.score_samples(X)[::20], atol=1e-6)


def test_reasons_are_those_of_the_score_without_labels(fitted):
    detector, X, y, _ = fitted
    without = AnomalyDetector(FrozenEstimator(detector.model_)).fit(X[y == 0])
    pd.testing.assert_frame_equal(detector.reasons(X.head(5)), without.reasons(X.head(5)))
    pd.testing.assert_frame_equal(detector.explain(X.head(5)), without.explain(X.head(5)))


def test_known_rows_may_have_gaps():
    frame = complete_frame()[["float64", "float32"]]
    y = np.where(np.arange(len(frame)) < 5, -1, 0)
    frame.iloc[0] = np.nan
    frame.iloc[1, 0] = np.nan
    frame.iloc[50:70, 1] = np.nan
    assert np.isfinite(AnomalyDetector(quick(MODEL)).fit(frame, y).score_samples(frame)).all()
