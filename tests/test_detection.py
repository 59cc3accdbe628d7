"""The role of a detector: threshold, verdicts and reasons."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from cases import SMALL
from data import LIBRARIES, few_columns, mixed_frame, with_holes
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from anomalib_vae import VAE, AnomalyDetector

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
    np.testing.assert_array_equal(scores, detector.model_.score_samples(few_columns()))
    assert detector.predict(few_columns()).dtype.kind == "i"


def test_an_obvious_outlier_is_an_anomaly(detector):
    assert detector.predict(FAR) == [-1]


def test_reasons_name_the_guilty_column_first(detector):
    first = detector.reasons(FAR, n_reasons=2).iloc[0, 0]
    found = re.fullmatch(r"alcohol = 30, expected ([\d.]+) \((-\d+) nats\)", first)
    assert found, first
    assert few_columns()["alcohol"].min() <= float(found[1]) <= few_columns()["alcohol"].max()
    assert int(found[2]) < -10


def test_reasons_have_a_row_each_and_the_index_of_the_frame(detector):
    frame = few_columns().set_axis(range(100, 278))
    reasons = detector.reasons(frame)
    assert reasons.index.equals(frame.index)
    assert list(reasons.columns) == ["reason_1", "reason_2", "reason_3"]
    assert list(detector.reasons(frame, n_reasons=99).columns) == [f"reason_{k}" for k in range(1, 5)]


def test_reasons_are_ordered_by_the_excess_over_the_usual(detector):
    excess = detector.explain(few_columns()) - pd.Series(detector.model_.typical_column_scores_)
    worst = excess.idxmin(axis=1)
    assert [text.split(" = ")[0] for text in detector.reasons(few_columns())["reason_1"]] == list(worst)


@pytest.mark.parametrize("library", LIBRARIES)
def test_reasons_write_cells_as_people_do(library):
    frame = mixed_frame()
    frame.loc[3] = frame.loc[10]
    detector = AnomalyDetector(VAE(**SMALL)).fit(LIBRARIES[library](frame))
    texts = detector.reasons(LIBRARIES[library](frame), n_reasons=14)
    cells = {text.split(" = ")[0]: text.split(" = ", 1)[1].split(",")[0] for text in texts.iloc[0]}
    assert cells["string"] in {"missing", *frame["string"].dropna()}
    assert cells["int64"] == str(frame["int64"].iloc[0])
    assert cells["datetime"] == "missing" or cells["datetime"].startswith("2024-")
    assert cells["bool"] in {"True", "False"}
    assert "days" in cells["timedelta"] or ":" in cells["timedelta"] or cells["timedelta"] == "missing"
    assert "1970" not in "".join(texts.iloc[0])


def test_a_missing_cell_explains_nothing(detector):
    frame = with_holes(few_columns())
    assert (detector.explain(frame).to_numpy()[frame.isna()] == 0).all()


def test_explanations_add_up_to_the_score_but_for_the_divergence(detector):
    divergence = detector.explain(few_columns()).sum(axis=1) - detector.score_samples(few_columns())
    assert divergence.std() < detector.score_samples(few_columns()).std() * 2
    assert detector.explain(FAR).iloc[0].idxmin() == "alcohol"


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
