"""The measuring program of anomalous images runs on small digits and compares what it says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from programs import benchmark
from sklearn.datasets import load_digits

SCORES = ["detector", "model", "distances", "IsolationForest", "nearest", "PCA"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    digits = load_digits()
    images = (15 * digits.images).astype(np.uint8)
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    np.savez(
        path, x_train=images[:600], y_train=digits.target[:600], x_test=images[600:750], y_test=digits.target[600:750]
    )
    return path


@pytest.fixture
def image_anomaly(program_of):
    return program_of("image_anomaly")


def test_it_prints_a_row_a_class_and_the_worst_of_them(data, tmp_path):
    done = benchmark(
        "image_anomaly.py", "--data", data, "--classes", "0,3", "--epochs", 3, "--output", tmp_path / "out.csv"
    )
    figures = pd.read_csv(tmp_path / "out.csv")
    assert figures[["data", "class", "seed"]].values.tolist() == [["digits", 0, 0], ["digits", 3, 0]]
    assert figures[SCORES].gt(50).all().all()
    assert (figures["detector"] > 97).all()
    assert (figures[["fit_s", "score_s"]] > 0).all().all()
    mean, worst, label = (line.split()[-6:] for line in done.stdout.splitlines()[-3:])
    np.testing.assert_allclose(np.array(mean, float), figures[SCORES].mean(), atol=0.006)
    np.testing.assert_allclose(np.array(worst, float), figures[SCORES].min(), atol=0.006)
    assert [float(name) for name in label] == figures["class"].iloc[figures[SCORES].to_numpy().argmin(0)].tolist()


def test_the_model_and_its_parameters_can_be_chosen(data):
    done = benchmark(
        "image_anomaly.py", "--data", data, "--classes", 1, "--train", 20, "--seeds", "0,1", "--epochs", 2,
        "--model", "Autoencoder", "--set", "latent_dim=3",
    )  # fmt: skip
    assert done.stdout.count("'images': 20") == 2


def test_the_worst_class_is_that_of_the_mean_over_seeds(image_anomaly):
    rows = [
        {"data": "a", "class": label, "seed": seed} | dict.fromkeys(SCORES, score)
        for label, seed, score in [(3, 0, 90.0), (3, 1, 92.0), (5, 0, 80.0), (5, 1, 99.0)]
    ]
    found = image_anomaly.summary(pd.DataFrame(rows))["detector"]
    assert found.to_dict() == {("a", "mean"): 90.25, ("a", "worst"): 89.5, ("a", "worst class"): 5}
