"""What every model promises, each promise one test over the list."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from behaviours import BEHAVIOURS, MODEL_METHODS, ROLE_METHODS
from cases import ESTIMATORS, MODELS, name, quick
from data import LIBRARIES, mixed_frame
from sklearn.base import clone

pytestmark = [
    pytest.mark.filterwarnings("ignore:posterior collapse"),
    pytest.mark.filterwarnings("ignore:column .* levels never seen in training"),
]


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.__name__)
@pytest.mark.parametrize("model", MODELS, ids=name)
def test_model(model, behaviour, tmp_path):
    behaviour(clone(model), tmp_path)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name)
def test_no_method_changes_the_callers_frame(estimator, library):
    given, copy = LIBRARIES[library](mixed_frame()), LIBRARIES[library](mixed_frame())
    estimator = quick(estimator).fit(given)
    for method in (*MODEL_METHODS, *ROLE_METHODS):
        if hasattr(estimator, method):
            getattr(estimator, method)(given)
    same = given.equals(copy)
    assert same


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name)
def test_no_method_changes_the_callers_array(estimator):
    given = mixed_frame()[["float64", "float32", "int64"]].to_numpy(float)
    copy = given.copy()
    given.setflags(write=False)
    estimator = quick(estimator).fit(given)
    for method in (*MODEL_METHODS, *ROLE_METHODS):
        if hasattr(estimator, method):
            getattr(estimator, method)(given)
    np.testing.assert_array_equal(given, copy)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name)
def test_global_random_states_are_left_alone(estimator):
    legacy, torchs = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    fitted = quick(estimator).fit(mixed_frame())
    if hasattr(fitted, "sample"):
        fitted.sample(3)
    np.testing.assert_array_equal(legacy, np.random.get_state()[1])  # noqa: NPY002
    assert torch.equal(torchs, torch.get_rng_state())


def test_global_random_states_do_not_matter(model):
    torch.manual_seed(1)
    one = quick(model).fit(mixed_frame()).score_samples(mixed_frame())
    torch.manual_seed(2)
    np.testing.assert_array_equal(one, quick(model).fit(mixed_frame()).score_samples(mixed_frame()))


def test_another_seed_gives_another_model(model):
    one, other = (quick(model).set_params(random_state=seed).fit(mixed_frame()) for seed in (0, 1))
    assert not np.array_equal(one.score_samples(mixed_frame()), other.score_samples(mixed_frame()))


def test_libraries_agree(model):
    frame = mixed_frame()
    scores = [quick(model).fit(make(frame)).score_samples(make(frame)) for make in LIBRARIES.values()]
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[0], scores[2])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_model_fitted_on_one_library_scores_another(library):
    fitted = quick(MODELS[0]).fit(LIBRARIES[library](mixed_frame()))
    scores = [fitted.score_samples(make(mixed_frame())) for make in LIBRARIES.values()]
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[0], scores[2])


def test_column_scores_name_the_columns_in_their_order(fitted_model):
    frame = mixed_frame()
    scores = fitted_model.column_scores(frame)
    assert list(scores.columns) == list(frame.columns)
    assert scores.index.equals(frame.index)
    assert (scores.to_numpy()[frame.isna().to_numpy()] == 0).all()
    assert (scores.to_numpy()[~frame.isna().to_numpy()] != 0).all()


def test_history_has_one_row_an_epoch(fitted_model):
    assert len(fitted_model.history_) == fitted_model.n_iter_
    assert list(fitted_model.history_["epoch"]) == list(range(1, fitted_model.n_iter_ + 1))
    assert np.isfinite(losses_of(fitted_model)).all(axis=None)
    assert isinstance(fitted_model.history_, pd.DataFrame)


def test_training_lowers_the_loss(fitted_model):
    """Of models with one player: where players work against each other, one's loss is the other's gain."""
    losses = losses_of(fitted_model)
    if losses.shape[1] == 1:
        assert (losses.iloc[-3:].mean() < losses.iloc[:3].mean()).all()
    else:
        assert (losses.iloc[-1] != losses.iloc[0]).all()


def losses_of(model) -> pd.DataFrame:
    return model.history_.filter(regex="^(?!validation).*_loss$")
