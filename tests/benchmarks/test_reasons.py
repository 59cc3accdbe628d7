"""The benchmark of reasons tampers with what it says and counts what it says."""

from __future__ import annotations

import numpy as np
import pytest
from cases import SMALL
from data import complete_frame, few_columns

from anomalib_vae import VAE, AnomalyDetector


@pytest.fixture
def benchmark(program_of):
    return program_of("reasons")


@pytest.mark.parametrize("kind", ["shift", "beyond", "swap"])
def test_the_benchmark_tampers_with_one_continuous_cell_a_row(benchmark, kind):
    train = complete_frame()[["float64", "Float64", "int8"]].astype(float)
    assert benchmark.continuous(train) == ["float64", "Float64"]
    rows = train.head(40).reset_index(drop=True)
    tampered, guilty = benchmark.tamper(rows, train, kind, np.random.default_rng(0))
    assert set(guilty) == {"float64", "Float64"}
    changed = tampered != rows
    if kind != "swap":  # another row may hold the same value
        assert (changed.sum(axis=1) == 1).all()
    assert (changed.to_numpy() <= (rows.columns.to_numpy() == guilty[:, None])).all()
    new = tampered.to_numpy()[changed.to_numpy()]
    old, column = rows.to_numpy()[changed.to_numpy()], guilty[changed.any(axis=1)]
    low, high, sd = (getattr(train, fact)()[column].to_numpy() for fact in ("min", "max", "std"))
    if kind == "shift":
        np.testing.assert_allclose(np.abs(new - old), 5 * sd)
    elif kind == "beyond":
        np.testing.assert_allclose(np.abs(new - (low + high) / 2), 1.5 * (high - low))
    else:
        assert all(value in set(rows[name]) for value, name in zip(new, column, strict=True))


def test_the_benchmark_counts_guilty_columns_named_first(benchmark):
    detector = AnomalyDetector(VAE(**{**SMALL, "max_epochs": 100})).fit(few_columns())
    figures = benchmark.measure(detector, few_columns(), few_columns().head(60), seed=0)
    assert list(figures) == ["columns", "shift", "by share", "beyond", "swap", "covered"]
    assert figures["columns"] == 4
    assert figures["shift"] >= 0.9
    assert figures["beyond"] >= 0.9
    assert figures["swap"] < figures["shift"]
    assert 0.5 < figures["covered"] <= 1
