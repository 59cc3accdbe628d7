"""Every fit logs itself to MLflow: autolog."""

from __future__ import annotations

import mlflow
import numpy as np
import pytest
from data import few_columns
from integrations.logged_fits import EPOCHS, TINY, Raise, logging_model, steps
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from anomalib_vae import VAE, AnomalyDetector, VAEImputer
from anomalib_vae.integrations.mlflow import autolog, load_model
from anomalib_vae.models.base import Model


def test_autolog_logs_each_fit_of_a_model(runs):
    autolog()
    model = VAE(**TINY).fit(few_columns())
    model.fit_transform(few_columns())
    first, second = runs()
    assert first.data.params == second.data.params
    assert first.data.params["model"] == "VAE"
    assert steps(first, "model_loss") == list(enumerate(model.history_["model_loss"], start=1))
    assert first.data.metrics["n_iter"] == EPOCHS
    assert mlflow.last_active_run().info.run_id == second.info.run_id


@pytest.mark.parametrize("role", [AnomalyDetector(VAE(**TINY), contamination=0.1), VAEImputer(VAE(**TINY))])
def test_autolog_makes_one_run_of_a_role_and_its_model(runs, role):
    autolog()
    role = clone(role).fit(few_columns())
    (run,) = runs()
    assert run.info.status == "FINISHED"
    assert run.data.params["role"] == type(role).__name__
    assert run.data.params["model"] == "VAE"
    assert run.data.params["model__batch_size"] == "64"
    assert len(steps(run, "model_loss")) == EPOCHS
    if isinstance(role, AnomalyDetector):
        assert run.data.params["contamination"] == "0.1"
        assert run.data.metrics["offset"] == role.offset_


def test_autolog_logs_a_model_that_was_fitted_before(runs):
    model = VAE(**TINY).fit(few_columns())
    autolog()
    AnomalyDetector(FrozenEstimator(model)).fit(few_columns())
    (run,) = runs()
    assert run.data.params["model"] == "VAE"
    assert run.data.params["model__batch_size"] == "64"


def test_autolog_uses_the_active_run(runs):
    autolog()
    with mlflow.start_run() as active:
        VAE(**TINY).fit(few_columns())
        assert mlflow.active_run().info.run_id == active.info.run_id
    assert [run.info.run_id for run in runs()] == [active.info.run_id]


def test_autolog_twice_logs_once_and_disable_restores(runs):
    owners = {owner: vars(owner)["fit"] for owner in (Model, AnomalyDetector, VAEImputer)}
    autolog()
    autolog()
    assert all(vars(owner)["fit"] is not fit for owner, fit in owners.items())
    VAE(**TINY).fit(few_columns())
    assert len(runs()) == 1
    autolog(disable=True)
    assert all(vars(owner)["fit"] is fit for owner, fit in owners.items())
    VAE(**TINY).fit(few_columns())
    assert len(runs()) == 1


def test_autolog_leaves_a_model_with_a_callback_to_it(runs):
    autolog()
    AnomalyDetector(logging_model()).fit(few_columns())
    (run,) = runs()
    assert "role" not in run.data.params


def test_autolog_says_that_a_fit_failed(runs):
    autolog()
    with pytest.raises(ZeroDivisionError):
        AnomalyDetector(VAE(**TINY, callbacks=(Raise(ZeroDivisionError()),))).fit(few_columns())
    (run,) = runs()
    assert run.info.status == "FAILED"


def test_autolog_logs_the_fitted_model(runs):
    autolog(log_models=True)
    X = few_columns()
    detector = AnomalyDetector(VAE(**TINY)).fit(X)
    (run,) = runs()
    loaded = load_model(f"runs:/{run.info.run_id}/model")
    assert loaded.offset_ == detector.offset_
    assert np.array_equal(loaded.score_samples(X), detector.score_samples(X))


def test_autolog_beside_that_of_sklearn(runs):
    mlflow.sklearn.autolog(log_models=False, silent=True)
    autolog()
    try:
        make_pipeline(StandardScaler().set_output(transform="pandas"), VAE(**TINY)).fit(few_columns())
    finally:
        mlflow.sklearn.autolog(disable=True)
    outer, inner = runs()
    assert outer.data.tags["estimator_name"] == "Pipeline"
    assert inner.data.tags[MLFLOW_PARENT_RUN_ID] == outer.info.run_id
    assert inner.data.params["batch_size"] == "64"
    assert {run.info.status for run in (outer, inner)} == {"FINISHED"}
