"""The benchmark of intervals counts what it says it counts."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from cases import SMALL, quick
from data import shoppers

from anomalib_vae import DenoisingVAE, VAEImputer

COLUMNS = ["product_related", "bounce_rates", "visitor_type", "weekend"]


@pytest.fixture
def benchmark(program_of):
    return program_of("tabular_intervals")


def task():
    truth = shoppers()[COLUMNS].astype({"visitor_type": str})
    holes = np.random.default_rng(0).random(truth.shape) < 0.3
    holed = truth.mask(holes)
    return SimpleNamespace(name="shoppers", mechanism="MCAR", seed=0, train=holed, test=holed, truth=truth, holes=holes)


def test_measures_numbers_and_labels(benchmark):
    imputer, made = quick(VAEImputer(DenoisingVAE(**SMALL), random_state=0)), task()
    figures, (confidence, right) = benchmark.measure(imputer, made)
    assert figures["labels"] == len(confidence) == len(right) == made.holes[:, 2:].sum()
    assert figures["covered 50"] < figures["covered"]
    assert 0.6 < figures["covered"] < 1
    assert figures["width"] > 0.5
    assert right.mean() > 0.5
    found = benchmark.intervals(imputer, made, 0.9)
    low, high = (imputer.intervals(made.test)[part]["bounce_rates"] for part in ("low", "high"))
    inside = made.truth["bounce_rates"].between(low, high)[made.holes[:, 1]]
    assert found["covered"][made.holes[:, 0].sum() :].mean() == pytest.approx(inside.mean(), abs=0.05)


def test_calibration_error(benchmark):
    rng = np.random.default_rng(0)
    confidence = rng.random(100_000)
    assert benchmark.calibration_error(confidence, rng.random(100_000) < confidence) < 0.01
    assert benchmark.calibration_error(np.full(1000, 0.9), np.arange(1000) % 2 == 0) == pytest.approx(0.4)
    assert np.isnan(benchmark.calibration_error(np.empty(0), np.empty(0)))


def test_summary_of_repetitions(benchmark):
    import rubin

    found = pd.DataFrame(
        {"estimate": [0.9, 1.0], "covered": [True, False], "width": [0.2, 0.4], "missing_information": [0.1, 0.3]}
    )
    summary = rubin.summary(found)
    assert summary["bias %"] == pytest.approx(-5)
    assert summary["coverage"] == 0.5
    assert summary["width"] == pytest.approx(0.3)
