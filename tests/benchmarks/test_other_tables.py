"""The benchmark of tables that the imputer was not developed on: what is emptied, and a fair table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def benchmark(program_of):
    return program_of("other_tables")


def test_features_are_of_the_protocols_kind_and_tell_no_label(benchmark):
    table = pd.DataFrame({f"f{i}": np.arange(5) + i for i in range(50)}, dtype=np.float32)
    table = table.assign(constant=1.0, service="http", label=[0, 1, 0, 1, 0], attack="normal")
    table = table[["service", "label", "constant", *table.columns[:50], "attack"]]
    table.loc[0, "service"] = "smtp"
    found = benchmark.features(table)
    assert list(found) == ["service", *(f"f{i}" for i in range(benchmark.MOST_COLUMNS - 1))]
    assert isinstance(found["service"].dtype, pd.CategoricalDtype)
    assert set(found.dtypes.iloc[1:]) == {np.dtype(float)}


def test_compares_with_missforest(benchmark):
    rows = [("a", "ours", 0.5), ("a", benchmark.BASE, 1.0), ("b", "ours", 4.0), ("b", benchmark.BASE, 2.0)]
    common = {"mechanism": "MCAR", "accuracy": 0.5, "cpu_s": 1.0, "mae": 1.0}
    found = pd.DataFrame([{"data": d, "method": m, "rmse": r, **common} for d, m, r in rows])
    ours = benchmark.compare(found).loc["ours"]
    assert ours[f"rmse / {benchmark.BASE}"] == pytest.approx(1.0)
    assert ours[["worst table", "tables behind", "tables"]].tolist() == [2.0, 1, 2]
