"""The measuring programs run as a user runs them, on a small protocol of the tests' own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"

PROTOCOL = '''
from dataclasses import dataclass

import pandas as pd
from sklearn.datasets import load_wine
from sklearn.metrics import average_precision_score, roc_auc_score


@dataclass
class Task:
    name: str
    mode: str
    seed: int
    train: pd.DataFrame
    test: pd.DataFrame
    y_test: pd.Series


def tabular_tasks(modes=("oneclass", "unsupervised"), seeds=(0,)):
    """Wines of one kind are normal, 12 of another kind are anomalies."""
    wines = load_wine(as_frame=True).frame
    for name, odd in (("first", 0), ("third", 2)):
        normal = wines[wines["target"] == 1]
        rows = pd.concat([normal, wines[wines["target"] == odd].head(12)])
        labels = (rows["target"] == odd).astype(int)
        X = rows.drop(columns="target")
        for mode in modes:
            for seed in seeds:
                train = X[labels == 0].sample(frac=0.5, random_state=seed) if mode == "oneclass" else X
                yield Task(name, mode, seed, train, X, labels)


def score_detector(task, anomaly_scores):
    return {
        "auroc": roc_auc_score(task.y_test, anomaly_scores),
        "ap": average_precision_score(task.y_test, anomaly_scores),
    }
'''


def benchmark(name: str, *arguments, code: int = 0) -> subprocess.CompletedProcess:
    command = [sys.executable, str(FOLDER / name), *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == code, done.stderr
    return done
