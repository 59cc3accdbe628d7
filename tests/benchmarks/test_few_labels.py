"""The measuring program of few labels runs on small digits and compares classifiers on equal terms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from programs import benchmark
from sklearn.datasets import load_digits

DIGITS = load_digits()
IMAGES, LABELS = (DIGITS.images * 255 / 16).astype(np.uint8), DIGITS.target


@pytest.fixture
def few_labels(program_of):
    return program_of("few_labels")


def test_it_runs_and_prints_each_input(tmp_path):
    data, output = tmp_path / "digits.npz", tmp_path / "out.csv"
    np.savez(data, x_train=IMAGES[:300], y_train=LABELS[:300], x_test=IMAGES[300:500], y_test=LABELS[300:500])
    settings = ["--set", "max_epochs=3", "--set", "latent_dim=6"]
    done = benchmark("few_labels.py", "--data", data, *settings, "--labels", "40,80", "--draws", 1, "--output", output)
    figures = pd.read_csv(output)
    assert list(figures["input"].unique()) == ["pixels", "PCA, 6 codes", "VAE, 6 codes"]
    assert len(figures) == 3 * 2
    assert figures["accuracy"].between(0.0, 1.0).all()
    assert figures.loc[figures["input"] == "pixels", "accuracy"].min() > 0.7
    assert "VAE, 3 epochs" in done.stdout


def test_more_labels_help_and_a_draw_is_repeatable(few_labels):
    rows = IMAGES.reshape(len(IMAGES), -1) / 255.0
    test = rows[1000:], LABELS[1000:]

    def accuracy(count: int, draw: int) -> float:
        return few_labels.accuracy(rows[:1000], LABELS[:1000], test, count, draw)

    few, many = accuracy(40, 0), accuracy(300, 0)
    assert few == accuracy(40, 0) != accuracy(40, 1)
    assert many > few
