"""A stream gives to each row what the batch gives to the last one."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from cases import SMALL
from data import LIBRARIES, mixed_frame

from anomalib_vae import VAE, AnomalyDetector, SequenceVAE
from anomalib_vae.datasets import load_server_machine

QUICK = SMALL | {"max_epochs": 2}
WINDOW = 8


def series(rows: int = 120) -> pd.DataFrame:
    """Two machines, hourly, the second with missing hours and an interruption longer than a window."""
    X = mixed_frame().iloc[:rows].reset_index(drop=True)
    hours = np.arange(rows) // 2
    hours[80::2] += 3
    hours[100::2] += 5 * WINDOW
    stamps = pd.Timestamp("2024-01-01") + pd.to_timedelta(hours, unit="h")
    return X.assign(stamp=stamps, machine=np.where(np.arange(rows) % 2, "one", "two"))


@pytest.fixture(scope="module", params=[0.0, 1.0], ids=["model alone", "with distances"])
def detector(request):
    model = SequenceVAE(**QUICK, window=WINDOW, time="stamp", series="machine")
    return AnomalyDetector(model, neighbour_weight=request.param).fit(series())


def batch(detector, X) -> np.ndarray:
    """The score of the last row of all so far, for each row."""
    return np.array([detector.score_samples(X.iloc[: i + 1])[-1] for i in range(len(X))])


def test_row_by_row_it_is_the_batch(detector):
    X, stream = series(), detector.stream()
    found = [stream.score_samples(X.iloc[[i]])[0] for i in range(len(X))]
    np.testing.assert_allclose(found, batch(detector, X), atol=1e-6, rtol=0)


def test_a_few_rows_at_a_time_are_the_same(detector):
    X, stream = series(), detector.stream()
    found = np.concatenate([stream.score_samples(X.iloc[at : at + 7]) for at in range(0, len(X), 7)])
    np.testing.assert_allclose(found, batch(detector, X), atol=1e-6, rtol=0)


def test_a_state_goes_through_json_and_on(detector):
    X, stream = series(), detector.stream()
    stream.score_samples(X.iloc[:90])
    restored = detector.stream(json.loads(json.dumps(stream.state())))
    np.testing.assert_array_equal(restored.score_samples(X.iloc[90:]), stream.score_samples(X.iloc[90:]))


@pytest.mark.parametrize("library", LIBRARIES)
def test_all_kinds_of_rows(detector, library):
    X = series()
    expected = detector.stream().score_samples(X.iloc[:3])
    np.testing.assert_array_equal(detector.stream().score_samples(LIBRARIES[library](X.iloc[:3])), expected)


def test_a_row_as_a_dict_or_an_array():
    X = load_server_machine().drop(columns=["split", "label"]).iloc[:200, :5]
    by_frame = AnomalyDetector(SequenceVAE(**QUICK, window=WINDOW)).fit(X)
    stream = by_frame.stream()
    found = [stream.score_samples(row)[0] for row in X.iloc[:20].to_dict("records")]
    np.testing.assert_allclose(found, batch(by_frame, X.iloc[:20]), atol=1e-6, rtol=0)
    by_array = AnomalyDetector(SequenceVAE(**QUICK, window=WINDOW)).fit(X.to_numpy())
    stream = by_array.stream()
    np.testing.assert_allclose([stream.score_samples(row)[0] for row in X.iloc[:20].to_numpy()], found, atol=1e-6)


def test_a_dict_of_cells_of_every_kind_is_the_row(detector):
    X = series().iloc[:40]
    by_frame, by_dict = detector.stream(), detector.stream()
    found = [by_dict.score_samples(row)[0] for row in X.to_dict("records")]
    np.testing.assert_allclose(found, by_frame.score_samples(X), atol=1e-6, rtol=0)


def test_a_dict_with_an_unknown_column_is_refused(detector):
    row = series().iloc[:1].to_dict("records")[0]
    with pytest.raises(ValueError, match="no column 'speed' in training"):
        detector.stream().score_samples(row | {"speed": 1.0})


def test_verdicts_are_the_detectors(detector):
    X = series()
    found = detector.stream().predict(X)
    np.testing.assert_array_equal(found, np.where(detector.stream().score_samples(X) < detector.offset_, -1, 1))


def test_a_row_that_does_not_follow_is_refused_and_nothing_is_taken(detector):
    X, stream = series(), detector.stream()
    stream.score_samples(X.iloc[:40])
    for wrong in (X.iloc[[39]], X.iloc[[10]], X.iloc[[40, 40]]):
        with pytest.raises(ValueError, match=r"not later than the last one|given twice"):
            stream.score_samples(wrong)
    np.testing.assert_allclose(
        stream.score_samples(X.iloc[40:50]), batch(detector, X.iloc[:50])[40:], atol=1e-6, rtol=0
    )


def test_a_machine_not_seen_in_training_has_a_stream_of_its_own(detector):
    X = series().assign(machine="three").iloc[::2]
    np.testing.assert_allclose(detector.stream().score_samples(X), batch(detector, X), atol=1e-6, rtol=0)


def test_a_model_of_tables_has_none():
    with pytest.raises(TypeError, match="judges each row by itself"):
        AnomalyDetector(VAE(**QUICK)).fit(mixed_frame()).stream()
