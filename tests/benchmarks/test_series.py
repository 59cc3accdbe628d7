"""The measuring programs of series run as a user runs them, on a small protocol of the tests' own."""

from __future__ import annotations

import pandas as pd
import pytest
from programs import benchmark

PROTOCOL = '''
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from anomalib_vae.datasets import load_server_machine


@dataclass
class Task:
    name: str
    family: str
    mode: str
    train: pd.DataFrame
    test: pd.DataFrame
    y_test: np.ndarray


@dataclass
class GapTask:
    name: str
    pattern: str
    train: pd.DataFrame
    test: pd.DataFrame
    truth: pd.DataFrame
    holes: np.ndarray
    groups: object = None


def _sensors(rows):
    return load_server_machine().iloc[rows, :4].reset_index(drop=True)


def series_tasks():
    """A jump of one sensor in normal minutes."""
    test = _sensors(slice(600, 1000))
    test.iloc[200:230, 1] += 3.0
    labels = np.zeros(400, int)
    labels[200:230] = 1
    for name in ("one", "two"):
        yield Task(f"{name}:a", name, "oneclass", _sensors(slice(0, 600)), test, labels)


def score_series(task, scores):
    return {"vus_pr": roc_auc_score(task.y_test, scores), "auroc": 0.0, "ap": 0.0}


def series_gap_tasks():
    truth = _sensors(slice(600, 1000))
    holes = np.random.default_rng(0).random(truth.shape) < 0.1
    yield GapTask("machine", "point10", _sensors(slice(0, 600)), truth.mask(holes), truth, holes)
    yield GapTask("machine", "block", _sensors(slice(0, 600)), truth.mask(holes), truth, holes)


def score_gaps(task, filled):
    error = (filled - task.truth).abs().to_numpy()[task.holes] / task.train.std().mean()
    return {"mae": error.mean(), "rmse": error.std()}
'''


@pytest.fixture
def protocol(tmp_path):
    (tmp_path / "protocol.py").write_text(PROTOCOL)
    peers = tmp_path / "peers"
    peers.mkdir()
    columns = {"data": ["one:a", "two:a"], "family": ["one", "two"], "vus_pr": [0.9, 0.8], "fit_s": 1.0, "score_s": 1.0}
    pd.DataFrame({"method": "peer", **columns}).to_csv(peers / "series_anomaly.csv", index=False)
    gaps = {"method": "peer", "data": "machine", "pattern": ["point10", "block"], "mae": 0.5, "rmse": 0.6}
    pd.DataFrame(gaps).to_csv(peers / "series_gaps.csv", index=False)
    return tmp_path / "protocol.py"


def test_detection_stands_beside_the_peers(protocol, tmp_path):
    quick = ("--set", "max_epochs=1", "--set", "window=8", "--output", tmp_path / "ours.csv")
    done = benchmark("series_anomaly.py", "--protocol", protocol, "--families", "one", *quick)
    figures = pd.read_csv(tmp_path / "ours.csv")
    assert figures["data"].tolist() == ["one:a"]
    assert figures["vus_pr"][0] > 0.9
    assert figures["window"][0] == 8
    assert "peer" in done.stdout
    assert "ours: of each family's best peer" in done.stdout


def test_backbones_stand_beside_each_other(protocol, tmp_path):
    """Each with as many steps as it makes in the time, below an epoch as well."""
    quick = ("--seconds", "0.1", "--weight", "0", "--set", "window=8", "--backbones", "dense,gru", "--only", "two:a")
    done = benchmark("series_anomaly.py", "--protocol", protocol, *quick, "--output", tmp_path / "ours.csv")
    assert "ours dense" in done.stdout
    dense, gru = pd.read_csv(tmp_path / "ours.csv")["steps"]
    assert 1 <= gru < dense


def test_what_a_series_costs(protocol, tmp_path):
    quick = ("--set", "max_epochs=1", "--set", "window=8", "--only", "one:a", "--output", tmp_path / "cost.csv")
    benchmark("series_cost.py", "--protocol", protocol, *quick)
    (cost,) = pd.read_csv(tmp_path / "cost.csv").to_dict("records")
    assert cost["difference"] < 1e-6
    assert 0 < cost["step_ms"] <= cost["step_ms_99"]
    assert cost["rows_per_s"] > 0
    assert cost["step_cpu_ms"] > 0


def test_gaps_stand_beside_the_best_peer(protocol, tmp_path):
    quick = ("--set", "max_epochs=1", "--set", "window=8", "--output", tmp_path / "ours.csv")
    done = benchmark("series_gaps.py", "--protocol", protocol, "--patterns", "point10", *quick)
    figures = pd.read_csv(tmp_path / "ours.csv")
    assert figures["pattern"].tolist() == ["point10"]
    assert 0.6 < figures["cover"][0] <= 1
    assert "mae ratio" in done.stdout
    assert "90 % intervals hold" in done.stdout
