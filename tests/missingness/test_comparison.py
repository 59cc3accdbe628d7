"""The comparison of imputers: what it measures, on what cells, and who wins where the winner is known."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from cases import SMALL
from data import LIBRARIES, few_columns, mixed_frame, wine, with_holes
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import KNNImputer, SimpleImputer

from anomalib_vae import DenoisingVAE, VAEImputer, compare
from anomalib_vae.codec import frames
from anomalib_vae.missingness.baselines import by_linear_model

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")

QUICK = VAEImputer(DenoisingVAE(**{**SMALL, "max_epochs": 2}))


class Recorder(SimpleImputer):
    """Fills in the mean, and remembers what it was given."""

    seen: list

    def fit_transform(self, X, y=None):
        Recorder.seen = [X]
        return super().fit_transform(X)


class Oracle(TransformerMixin, BaseEstimator):
    """Knows the frame."""

    def __init__(self, truth):
        self.truth = truth

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return self.truth.copy()

    def __deepcopy__(self, memo):
        return self


@pytest.mark.parametrize("library", LIBRARIES)
def test_each_column_has_its_errors_and_its_best(library):
    table = compare(LIBRARIES[library](mixed_frame()), QUICK)
    assert table.index.tolist() == [*mixed_frame(), "overall"]
    assert table.columns.tolist() == ["measure", "cells", "mean or mode", "linear", "VAEImputer", "best"]
    labelled = table.index.isin(["bool", "boolean", "category", "string", "object"])
    assert (table["measure"] == "accuracy").tolist() == labelled.tolist()
    scores = table[["mean or mode", "linear", "VAEImputer"]]
    assert np.isfinite(scores.to_numpy(float)).all()
    assert scores[labelled].max(axis=None) <= 1
    for (name, row), best in zip(scores.iloc[:-1].iterrows(), table["best"], strict=False):
        assert row[best] == (row.max() if table["measure"][name] == "accuracy" else row.min())
    observed = mixed_frame().notna().sum()
    assert table["cells"][:-1].tolist() == [round(0.2 * n) for n in observed]
    assert table["cells"].iloc[-1] == table["cells"][:-1].sum()


def test_frames_and_libraries_give_the_same():
    tables = [compare(LIBRARIES[library](mixed_frame()), QUICK) for library in LIBRARIES]
    pd.testing.assert_frame_equal(tables[0], tables[1])
    pd.testing.assert_frame_equal(tables[0], tables[2])


def test_held_out_cells_are_hidden_and_the_errors_are_theirs():
    frame = with_holes(few_columns())
    table = compare(frame, Recorder(), share=0.3)
    (seen,) = Recorder.seen
    hidden = (seen.isna() & frame.notna()).to_numpy()
    assert (frame.isna() & seen.notna()).sum().sum() == 0
    assert hidden.sum(0).tolist() == table["cells"][:-1].tolist() == [round(0.3 * n) for n in frame.notna().sum()]
    errors = ((seen.mean() - frame) / frame.std(ddof=0)).to_numpy()
    for i, name in enumerate(frame):
        rmse = np.sqrt(np.mean(errors[hidden[:, i], i] ** 2))
        assert table.loc[name, "mean or mode"] == pytest.approx(rmse)
        assert table.loc[name, "Recorder"] == pytest.approx(rmse)
        assert table.loc[name, "best"] in ("mean or mode", "linear")  # the simplest of equal ones


def test_the_seed_chooses_the_cells():
    one, other, again = (compare(few_columns(), SimpleImputer(), random_state=seed) for seed in (0, 1, 0))
    pd.testing.assert_frame_equal(one, again)
    assert not one["mean or mode"].equals(other["mean or mode"])


def test_a_linear_relation_is_found_by_the_linear_model():
    x = np.random.default_rng(0).normal(size=200)
    labels = np.where(x > 0, "high", "low").astype(object)
    table = compare(pd.DataFrame({"x": x, "double": 2 * x, "label": labels}), SimpleImputer(strategy="most_frequent"))
    assert table.loc["double", "linear"] < 0.6 * table.loc["double", "mean or mode"]  # x is hidden too in some rows
    assert table.loc["label", "linear"] > 0.8 > table.loc["label", "mean or mode"]
    assert table["best"].tolist() == ["linear"] * 4
    assert table.loc["overall", "linear"] < 0.7


def test_the_linear_model_fills_numbers_as_iterative_imputer_does():
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer

    frame = with_holes((wine() - wine().mean()) / wine().std())
    filled = np.column_stack(by_linear_model(frames.read(frame)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        expected = IterativeImputer().fit_transform((frame - frame.mean()) / frame.std(ddof=0))
    expected = expected * frame.std(ddof=0).to_numpy() + frame.mean().to_numpy()
    np.testing.assert_allclose(filled, expected, atol=0.01)  # columns with as many gaps may come in another order


def test_who_knows_the_frame_wins():
    frame = with_holes(few_columns()).assign(label=["a", "b"] * 89, truth=[True, False] * 89)
    table = compare(frame, Oracle(frame))
    assert table["Oracle"].tolist() == [0, 0, 0, 0, 1, 1, 0]
    assert table["best"].tolist() == ["Oracle"] * 7


def test_overall_is_the_mean_error_relative_to_the_mean_or_mode():
    table = compare(wine().assign(label=["a", "b"] * 89), SimpleImputer(strategy="most_frequent"))
    errors = table[["mean or mode", "linear", "SimpleImputer"]][:-1].astype(float)
    errors.loc["label"] = 1 - errors.loc["label"]
    expected = errors.div(errors["mean or mode"], axis=0).mean()
    assert table.loc["overall", "measure"] == "relative error"
    assert table.loc["overall", expected.index].astype(float).to_dict() == pytest.approx(expected.to_dict())
    assert table.loc["overall", "mean or mode"] == pytest.approx(1)


def test_any_imputer_can_be_compared():
    assert compare(wine(), KNNImputer()).loc["overall", "KNNImputer"] < 1
    assert compare(wine().to_numpy(), KNNImputer()).index[:2].tolist() == ["x0", "x1"]


def test_without_an_imputer_it_is_the_default_one(monkeypatch):
    monkeypatch.setattr(VAEImputer, "_default_model", lambda self: QUICK.model)
    assert "VAEImputer" in compare(few_columns()).columns


def test_integers_are_rounded_for_all():
    """The mean of zeros and ones is one of them then, and wrong cells are off by one: two standard deviations."""
    frame = pd.DataFrame({"n": [0, 1] * 50, "x": np.arange(100.0)})
    row = compare(frame, SimpleImputer()).loc["n"]
    for name in ("mean or mode", "linear", "SimpleImputer"):
        wrong = 20 * (row[name] / 2) ** 2
        assert wrong == pytest.approx(round(wrong))


def test_a_column_that_the_imputer_leaves_alone_is_not_its_own():
    frame = with_holes(few_columns()).assign(label=["a", "b"] * 89)
    left = VAEImputer(QUICK.model, exclude=["alcohol", "label"])
    table = compare(frame, left)
    assert table.loc[["alcohol", "label"], "VAEImputer"].isna().all()
    assert (table.loc[["alcohol", "label"], "best"] != "VAEImputer").all()
    assert np.isfinite(table.loc["overall", "VAEImputer"])


ODD = {
    "constant columns": lambda: few_columns() * 0 + 3,
    "one level": lambda: few_columns().assign(label="x"),
    "an empty column": lambda: few_columns().assign(empty=np.nan, none=None),
    "two cells": lambda: few_columns().assign(rare=[1.0, 2.0] + [np.nan] * 176),
    "keys": lambda: few_columns().assign(key=[f"key {i}" for i in range(178)]),
    "numbers as names": lambda: few_columns().set_axis(range(4), axis=1),
    "few rows": lambda: few_columns().head(3),
}


@pytest.mark.parametrize("frame", ODD.values(), ids=ODD)
@pytest.mark.filterwarnings("ignore:column 'key' has")
def test_odd_columns(frame):
    table = compare(frame(), QUICK)
    compared = [name for name in frame() if frame()[name].notna().sum() >= 2]
    assert table.index.tolist() == [*compared, "overall"]
    assert table["best"].notna().all()


def test_what_can_not_be_compared_is_refused():
    with pytest.raises(ValueError, match="share must be a number above 0 and below 1, got 1"):
        compare(few_columns(), share=1)
    with pytest.raises(ValueError, match="no column with two observed cells or more"):
        compare(few_columns() * np.nan)
    with pytest.raises(ValueError, match="SimpleImputer gave 8 columns for 4: only an imputer that neither drops nor"):
        compare(few_columns(), SimpleImputer(add_indicator=True))
