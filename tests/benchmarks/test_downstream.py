"""The benchmark of classifiers behind imputers scores whole pipelines, and these can be tuned as such."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from cases import SMALL, quick
from data import shoppers
from sklearn.model_selection import GridSearchCV

from anomalib_vae import DenoisingVAE, VAEImputer

COLUMNS = ["page_values", "exit_rates", "visitor_type", "weekend", "revenue"]


@pytest.fixture
def benchmark(program_of, monkeypatch):
    downstream = program_of("downstream")
    monkeypatch.setattr(downstream, "ours", lambda numbers, labels, seed: quick(small(seed)))
    monkeypatch.setitem(downstream.IMPUTERS, "VAEImputer", downstream.ours)
    return downstream


def small(seed: int) -> VAEImputer:
    return VAEImputer(DenoisingVAE(**SMALL), random_state=seed)


@pytest.fixture
def protocol(tmp_path):
    folder = tmp_path / "tabular_impute"
    folder.mkdir()
    table = shoppers()[COLUMNS].astype({"visitor_type": str, "weekend": str, "revenue": str})
    table.astype(dict.fromkeys(COLUMNS[2:], "category")).to_parquet(folder / "shoppers.parquet")
    return SimpleNamespace(DATA=tmp_path)


def test_removes_cells_of_features_only(benchmark, protocol):
    complete, holed, y = benchmark.data(protocol, "shoppers", 120, seed=0)
    assert list(holed) == COLUMNS[:-1]
    assert holed.shape == (120, 4)
    assert holed.isna().mean().between(0.2, 0.4).all()
    assert not complete.isna().any(axis=None)
    assert 0 < y.mean() < 0.5  # the rarer value is what is to be found


def test_every_imputer_gets_a_score_behind_each_classifier(benchmark, protocol):
    chosen = SimpleNamespace(rows=150, folds=2, imputers=",".join(benchmark.IMPUTERS))
    found = benchmark.measure(protocol, "shoppers", 0, chosen)
    pairs = {(row["imputer"], row["classifier"]) for row in found}
    every = {
        (imputer, learner)
        for imputer in benchmark.IMPUTERS
        for learner in (benchmark.GRADIENT_BOOSTING, benchmark.LOGISTIC)
    }
    assert every - pairs == {("native", benchmark.LOGISTIC)}
    assert all(0.5 < row["auroc"] < 1 and 0.6 < row["accuracy"] < 1 for row in found)
    auroc = {(row["imputer"], row["classifier"]): row["auroc"] for row in found}
    assert auroc["complete", benchmark.LOGISTIC] > auroc["SimpleImputer", benchmark.LOGISTIC]


def test_codes_of_labels_are_rounded(benchmark, protocol):
    _, holed, _ = benchmark.data(protocol, "shoppers", 150, seed=0)
    filled = benchmark.iterative(COLUMNS[:2], COLUMNS[2:4], seed=0).fit_transform(holed)
    assert not filled.isna().any(axis=None)
    assert set(filled["weekend"]) == {0.0, 1.0}
    assert filled["page_values"].nunique() > 10


def test_grid_search_tunes_the_imputer_by_what_the_classifier_makes_of_it(benchmark, protocol):
    _, X, y = benchmark.data(protocol, "shoppers", 150, seed=0)
    whole = benchmark.pipeline("VAEImputer", benchmark.LOGISTIC, X, seed=0)
    grid = {"impute__model__max_epochs": [1, 20], "impute__delta": [None, {"page_values": 50.0}]}
    search = GridSearchCV(whole, grid, scoring="roc_auc", cv=2).fit(X, y)
    assert search.best_params_["impute__delta"] is None  # what is missing is not fifty deviations higher
    assert (
        search.best_estimator_["impute"].get_params()["model__max_epochs"]
        == search.best_params_["impute__model__max_epochs"]
    )
    assert search.predict(X).shape == y.shape
