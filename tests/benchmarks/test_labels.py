"""The benchmark of labels labels anomalies only, and says what they add."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from data import few_columns


@pytest.fixture
def benchmark(program_of):
    return program_of("tabular_labels")


@dataclass
class Task:
    mode: str
    name: str = "cluster"
    seed: int = 0

    def __post_init__(self):
        X, is_anomaly = few_columns(), np.arange(178) % 9 == 0
        self.test, self.y_test = X, is_anomaly.astype(int)
        self.train = X if self.mode == "unsupervised" else X[~is_anomaly].head(80)


@pytest.mark.parametrize("mode", ["oneclass", "unsupervised"])
def test_the_benchmark_labels_anomalies_only(benchmark, mode):
    task = Task(mode)
    known = np.flatnonzero(task.y_test)[:5]
    X, y = benchmark.labelled(task, known)
    pd.testing.assert_frame_equal(X[y == -1].reset_index(drop=True), task.test.iloc[known].reset_index(drop=True))
    assert len(X) == (85 if mode == "oneclass" else len(task.test))
    assert set(y[y != -1]) == ({1} if mode == "oneclass" else {0})


def test_the_benchmark_prints_gains_and_their_interval(benchmark, capsys):
    gain = np.array([[0.1, 0.2], [0.3, 0.4], [-0.1, 0.0]])
    low, high = benchmark.interval(gain)
    assert -0.1 < low < gain.mean() < high < 0.4
    assert benchmark.interval(np.full((4, 3), 0.25)) == (0.25, 0.25)
    cells = [(data, seed) for data in range(3) for seed in range(2)]
    rows = pd.DataFrame(
        [
            {"data": "abc"[d], "seed": s, "mode": "oneclass", "labels": 5, "auroc": 0.5 + gain[d, s], "ap": 0.5}
            for d, s in cells
        ]
    ).assign(auroc_without=0.5, ap_without=0.5)
    benchmark.compare(rows)
    printed = capsys.readouterr().out
    assert "3 data sets and 2 seeds" in printed
    assert f"{0.5 + gain.mean():.3f}" in printed
    assert f"{gain.mean():+.3f}" in printed
    assert "-0.050 c" in printed
