"""The comparison with imputers of other libraries: they run in another interpreter and get tables as files."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from cases import SMALL, quick
from data import shoppers

from anomalib_vae import DenoisingVAE, VAEImputer

MEANS = """
both = pd.concat([codes(train), codes(test)], ignore_index=True)
fitted = time.process_time()
filled = levels(both.fillna(both.mean()).iloc[len(train):].reset_index(drop=True))
"""
COLUMNS = ["exit_rates", "bounce_rates", "visitor_type"]


@pytest.fixture
def modules(program_of):
    return program_of("imputers"), program_of("imputer_time")


def task() -> SimpleNamespace:
    truth = shoppers()[COLUMNS].astype({"visitor_type": "category"}).head(300)
    holes = np.random.default_rng(0).random(truth.shape) < 0.3
    return SimpleNamespace(name="shoppers", mechanism="MCAR", seed=0, train=truth.mask(holes), test=truth.mask(holes))


def chosen(**options) -> SimpleNamespace:
    defaults = {"library": "means", "peer_python": sys.executable, "peer_path": "nowhere", "threads": 1, "limit": 60}
    return SimpleNamespace(**defaults | options)


def test_a_library_fills_the_rows_to_be_filled(modules, monkeypatch):
    imputers, _ = modules
    monkeypatch.setitem(imputers.PEERS, "means", MEANS)
    made = task()
    result = imputers.peer(made, chosen())
    filled, gaps = result["filled"], made.test.isna()
    assert list(filled) == COLUMNS
    assert not filled.isna().any(axis=None)
    assert filled["exit_rates"][gaps["exit_rates"]].unique() == pytest.approx(made.test["exit_rates"].mean())
    assert set(filled["visitor_type"]) <= set(made.test["visitor_type"].cat.categories)
    assert (filled[~gaps].isna() == gaps).all(axis=None)
    assert (filled["exit_rates"] == made.test["exit_rates"])[~gaps["exit_rates"]].all()
    assert result["fit_s"] >= 0


def test_says_why_there_is_no_figure(modules, monkeypatch):
    imputers, _ = modules
    monkeypatch.setitem(imputers.PEERS, "means", "import no_such_library")
    assert "no_such_library" in imputers.peer(task(), chosen())["failed"]
    monkeypatch.setitem(imputers.PEERS, "means", "time.sleep(60)")
    assert imputers.peer(task(), chosen(limit=1))["failed"] == "no result after 1 s"


def test_cost_is_measured_for_fit_and_for_transform(modules):
    _, imputer_time = modules
    imputer = quick(VAEImputer(DenoisingVAE(**SMALL), random_state=0))
    cost = imputer_time.measure(imputer, task().train)
    assert set(cost) == {"fit_s", "fit_cpu_s", "transform_s", "transform_cpu_s"}
    assert min(cost.values()) > 0


def test_ratios_of_processor_seconds(modules):
    _, imputer_time = modules
    figures = pd.DataFrame(
        {
            "rows": 9,
            "method": ["ours", "MissForest"],
            "fit_cpu_s": [2.0, 10.0],
            "transform_cpu_s": [0.5, 15.0],
        }
    )
    assert imputer_time.ratios(figures).loc[9].to_dict() == {"fit": 5.0, "transform": 30.0, "both": 10.0}
