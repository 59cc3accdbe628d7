"""The benchmark of small tables: a linear-Gaussian EM that deserves the name, and a fair table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from data import shoppers

COLUMNS = ["product_related", "product_related_duration", "bounce_rates", "exit_rates", "visitor_type", "weekend"]


@pytest.fixture
def benchmark(program_of):
    return program_of("small_tables")


def holed() -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    whole = shoppers()[COLUMNS].astype({"visitor_type": str, "product_related": float})
    holes = np.random.default_rng(0).random(whole.shape) < 0.3
    return whole, whole.mask(holes), holes


def test_em_fills_a_linear_relation(benchmark):
    x = np.random.default_rng(0).normal(size=400)
    truth = pd.DataFrame({"x": x, "y": 3 - 2 * x, "positive": np.where(x > 0, "yes", "no")})
    table = truth.copy()
    table.loc[::3, "y"] = np.nan
    table.loc[1::3, "positive"] = np.nan
    filled = benchmark.GaussianEM().fit(table).transform(table)
    assert np.abs(filled["y"] - truth["y"]).quantile(0.98) < 0.2  # beyond the range seen it stays inside
    assert (filled["positive"] == truth["positive"]).mean() > 0.95


@pytest.mark.parametrize("name", ["GaussianEM", "MeanOrMode"])
def test_fills_every_gap_and_nothing_else(benchmark, name):
    whole, table, holes = holed()
    filled = getattr(benchmark, name)().fit(table).transform(table)
    assert not filled.isna().any(axis=None)
    for column, gaps in zip(whole, holes.T, strict=True):
        assert (filled[column] == whole[column])[~gaps].all()
    better = np.abs(filled["exit_rates"] - whole["exit_rates"])[holes[:, 3]].mean()
    mean = np.abs(table["exit_rates"].mean() - whole["exit_rates"])[holes[:, 3]].mean()
    assert better < 0.8 * mean if name == "GaussianEM" else better == pytest.approx(mean)


def test_scikit_learns_tables_are_of_the_protocols_kind(benchmark, tmp_path):
    benchmark.write_scikit_learns(tmp_path)
    tables = {file.stem: pd.read_parquet(file) for file in tmp_path.glob("*.parquet")}
    assert set(tables) == {"diabetes", "cancer"}
    assert isinstance(tables["cancer"]["target"].dtype, pd.CategoricalDtype)
    assert tables["diabetes"]["target"].dtype == float


def test_compares_with_the_em(benchmark):
    rows = [("a", "ours", 0.5), ("a", benchmark.BASE, 1.0), ("b", "ours", 4.0), ("b", benchmark.BASE, 2.0)]
    found = pd.DataFrame(
        [{"rows": 200, "data": d, "method": m, "rmse": r, "accuracy": 0.5, "cpu_s": 1.0} for d, m, r in rows]
    )
    line = benchmark.compare(found).loc[(200, "ours")]
    assert line["rmse / Gaussian EM"] == pytest.approx(1.0)
    assert line["worst table"] == 2.0
    assert (line["tables behind"], line["tables"]) == (1, 2)
