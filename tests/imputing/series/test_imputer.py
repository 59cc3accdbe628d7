"""VAEImputer(SequenceVAE()) on frames: what comes back, and what it says of its certainty."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from cases import SMALL
from data import LIBRARIES
from sklearn.frozen import FrozenEstimator

import anomalib_vae
from anomalib_vae import AnomalyDetector, SequenceVAE, VAEImputer
from anomalib_vae.datasets import load_ambient_temperature, load_server_machine

QUICK = SMALL | {"max_epochs": 1}


def machine(rows: int = 600) -> pd.DataFrame:
    """Stamps, a series, four sensors, an integer, a truth value and a label that follow from them."""
    frame = load_server_machine().drop(columns=["split", "label"]).iloc[:rows, :4].reset_index(drop=True)
    return frame.assign(
        count=(100 * frame["metric_0"]).round().astype("Int64"),
        busy=(frame["metric_0"] > frame["metric_0"].median()).astype("boolean"),
        kind=np.where(frame["metric_1"] > frame["metric_1"].median(), "high", "low"),
        stamp=pd.date_range("2024-01-01", periods=rows, freq="min"),
        machine="m",
    )


def holed(frame: pd.DataFrame, rate: float = 0.2) -> pd.DataFrame:
    rng, frame = np.random.default_rng(0), frame.copy()
    for name in frame.columns.drop(["stamp", "machine"]):
        frame[name] = frame[name].mask(rng.random(len(frame)) < rate)
    return frame


def imputer(**parameters) -> VAEImputer:
    return VAEImputer(SequenceVAE(**QUICK, window=16, time="stamp", series="machine"), random_state=0, **parameters)


@pytest.fixture(scope="module")
def fitted():
    return imputer().fit(holed(machine()))


@pytest.mark.parametrize("library", LIBRARIES)
def test_gaps_are_filled_and_everything_else_is_as_it_was(fitted, library):
    given = holed(machine()).iloc[100:400].reset_index(drop=True)
    filled = fitted.transform(LIBRARIES[library](given))
    assert type(filled) is type(LIBRARIES[library](given))
    filled = filled if library == "pandas" else filled.to_pandas()
    assert not filled.isna().any(axis=None)
    for name in given:
        known = given[name].notna()
        assert (filled.loc[known, name].astype(object) == given.loc[known, name].astype(object)).all()
    if library == "pandas":
        pd.testing.assert_series_equal(filled.dtypes, given.dtypes)


def test_numbers_are_nearer_than_a_line_and_labels_are_found(fitted):
    truth, given = machine(), holed(machine())
    filled = fitted.transform(given)
    sensors = [f"metric_{i}" for i in range(4)]
    missing = given[sensors].isna()
    spread = truth[sensors].std()
    ours = ((filled[sensors] - truth[sensors]).abs() / spread).to_numpy()[missing.to_numpy()].mean()
    line = (
        ((given[sensors].interpolate().bfill() - truth[sensors]).abs() / spread).to_numpy()[missing.to_numpy()].mean()
    )
    assert ours < line
    for name in ("busy", "kind"):
        missing = given[name].isna()
        assert (filled.loc[missing, name] == truth.loc[missing, name]).mean() > 0.7  # half of them by chance


def test_intervals_probabilities_and_draws(fitted):
    truth, given = machine(), holed(machine())
    intervals = fitted.intervals(given)
    missing = given["metric_0"].isna()
    low, high = (intervals[part]["metric_0"][missing] for part in ("low", "high"))
    assert ((low <= truth["metric_0"][missing]) & (truth["metric_0"][missing] <= high)).mean() > 0.8
    assert intervals["low"].loc[~missing, "metric_0"].isna().all()
    p = fitted.probabilities(given)
    missing = given["kind"].isna()
    np.testing.assert_allclose(p["kind"][missing].sum(axis=1), 1)
    assert p["kind"][~missing].isna().all(axis=None)
    frames = fitted.sample_imputations(given, m=3)
    assert len(frames) == 3
    assert not frames[0].equals(frames[1])
    for frame in frames:
        known = given["metric_0"].notna()
        assert (frame.loc[known, "metric_0"] == given.loc[known, "metric_0"]).all()
        assert set(frame["kind"]) <= {"high", "low"}


def test_it_is_saved_with_all_that_it_knows(fitted, tmp_path):
    given = holed(machine())
    again = anomalib_vae.load(fitted.save(tmp_path / "m") and tmp_path / "m")
    pd.testing.assert_frame_equal(again.transform(given), fitted.transform(given))
    pd.testing.assert_frame_equal(again.intervals(given), fitted.intervals(given))


def test_a_sensor_may_leave_the_range_of_training(fitted):
    given = holed(machine())
    given["metric_0"] += 5.0
    filled = fitted.transform(given)["metric_0"]
    assert filled.min() > 4.0


def test_wishes_hold():
    given = holed(machine())
    bounded = imputer(bounds={"metric_0": (0.2, 0.25)}, only=("metric_0",), exclude=("metric_3",)).fit(given)
    filled = bounded.transform(given)
    missing = given["metric_0"].isna()
    assert filled.loc[missing, "metric_0"].between(0.2, 0.25).all()
    assert filled["metric_1"].isna().sum() == given["metric_1"].isna().sum()
    assert filled["metric_3"].equals(given["metric_3"])


def test_rows_and_columns_that_are_missing_altogether(fitted):
    given = holed(machine(), 0.0)
    given.loc[50:70, given.columns.drop(["stamp", "machine"])] = pd.NA
    given["metric_2"] = np.nan
    assert not fitted.transform(given).isna().any(axis=None)
    assert not fitted.transform(given.iloc[:1]).isna().any(axis=None)


def test_an_interruption_in_the_stamps_is_a_gap():
    X = load_ambient_temperature()[["timestamp", "temperature"]]
    X["temperature"] = X["temperature"].mask(np.random.default_rng(0).random(len(X)) < 0.1)
    model = VAEImputer(SequenceVAE(**QUICK, window=24, time="timestamp"), random_state=0)
    assert not model.fit_transform(X).isna().any(axis=None)


def test_one_model_scores_and_fills():
    X = machine().drop(columns=["count", "busy", "kind"])
    model = SequenceVAE(**QUICK, window=16, time="stamp", series="machine").fit(X)
    detector = AnomalyDetector(FrozenEstimator(model)).fit(X)
    filled = VAEImputer(FrozenEstimator(model)).fit(X).transform(holed(X))
    assert np.isfinite(detector.score_samples(filled)).all()
