"""Steps become intervals, with the sensors to look at."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from cases import SMALL
from data import LIBRARIES, few_columns
from sklearn.frozen import FrozenEstimator

from anomalib_vae import VAE, AnomalyDetector, SequenceVAE
from anomalib_vae.codec.timeline import Timeline
from anomalib_vae.datasets import load_server_machine
from anomalib_vae.scoring.alarms import alarms

SENSORS = ["heat", "load", "noise"]


def found(is_anomaly, *, join=0, n_sensors=3, time=None, series=None, excess=None, **columns) -> pd.DataFrame:
    is_anomaly = np.array(is_anomaly, bool)
    scores = -np.arange(len(is_anomaly), dtype=float)
    X = pd.DataFrame({"heat": scores} | columns)
    parts = pd.DataFrame(np.zeros((len(X), 3)) if excess is None else excess, columns=SENSORS)
    return alarms(X, Timeline(time, series), scores, is_anomaly, parts, join, n_sensors)


def test_steps_in_a_row_are_one_alarm():
    table = found([0, 1, 1, 0, 0, 1])
    assert table[["start", "end", "steps", "peak"]].to_numpy().tolist() == [[1, 2, 2, 2], [5, 5, 1, 5]]
    assert table["lowest_score"].tolist() == [-2, -5]
    assert table["mean_score"].tolist() == [-1.5, -5]


def test_alarms_with_few_steps_between_them_are_joined():
    assert len(found([1, 0, 0, 1], join=1)) == 2
    joined = found([1, 0, 0, 1], join=2)
    assert joined[["start", "end", "steps"]].to_numpy().tolist() == [[0, 3, 4]]


def test_alarms_of_two_series_are_two():
    table = found([1, 1, 1, 1], series="machine", machine=["a", "b", "a", "b"], join=9)
    assert table[["series", "start", "end", "steps"]].to_numpy().tolist() == [["a", 0, 2, 2], ["b", 1, 3, 2]]


def test_stamps_name_the_steps():
    stamps = pd.date_range("2024-01-01", periods=3, freq="h")
    table = found([0, 1, 1], time="stamp", stamp=stamps)
    assert table[["start", "end"]].to_numpy().tolist() == [[stamps[1], stamps[2]]]


def test_sensors_come_worst_first_and_innocent_ones_not_at_all():
    excess = np.array([[-1.0, -5.0, 2.0], [-3.0, -5.0, 2.0]])
    assert found([1, 1], excess=excess)["sensors"].tolist() == [("load", "heat")]
    assert found([1, 1], excess=excess, n_sensors=1)["sensors"].tolist() == [("load",)]


def test_without_anomalies_the_table_is_empty_and_has_its_columns():
    assert list(found([0, 0])) == ["start", "end", "steps", "peak", "lowest_score", "mean_score", "sensors"]
    assert found([0, 0]).empty


@pytest.fixture(scope="module")
def detector():
    machine = load_server_machine().drop(columns=["split", "label"]).iloc[:1500, :8]
    model = SequenceVAE(**SMALL | {"max_epochs": 4}, window=16).fit(machine)
    return AnomalyDetector(FrozenEstimator(model), contamination=0.0).fit(machine)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_detector_names_the_interval_and_the_sensor_that_were_tampered_with(detector, library):
    machine = load_server_machine().drop(columns=["split", "label"]).iloc[1000:1500, :8].reset_index(drop=True)
    machine.loc[300:330, "metric_2"] += 3.0
    table = detector.alarms(LIBRARIES[library](machine))
    assert len(table) == 1
    longest = detector.neighbourhood_.longest
    assert 300 - longest < table["start"][0] <= 300
    assert 330 <= table["end"][0] < 330 + longest
    assert 284 < table["peak"][0] < 346
    assert table["sensors"][0][0] == "metric_2"


def test_rows_of_a_table_are_taken_as_steps():
    X = pd.concat([few_columns(), 3 * few_columns().iloc[:2]], ignore_index=True)
    table = AnomalyDetector(VAE(**SMALL)).fit(few_columns()).alarms(X)
    assert table["end"].iloc[-1] == len(X) - 1
