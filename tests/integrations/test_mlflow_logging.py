"""Fits that log themselves to MLflow: the callback, autolog, and what happens when the server is away."""

from __future__ import annotations

import copy
import pickle
import threading
import warnings

import mlflow
import numpy as np
import pytest
import urllib3
from cases import SMALL
from data import few_columns
from mlflow import MlflowClient
from mlflow.entities import RunStatus
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from anomalib_vae import VAE, AnomalyDetector, VAEImputer
from anomalib_vae.integrations.mlflow import MLflowCallback, autolog, delivery, load_model
from anomalib_vae.integrations.mlflow.fitlog import FitLog, readable
from anomalib_vae.integrations.mlflow.run import Destination
from anomalib_vae.models.base import Model
from anomalib_vae.training.callbacks import Callback, ProgressBar

EPOCHS = 4
TINY = {**SMALL, "max_epochs": EPOCHS}


class Raise(Callback):
    """Raise an error after the first epoch."""

    def __init__(self, error):
        self.error = error

    def on_epoch_end(self, run):
        raise self.error


def logging_model(*more, **parameters):
    return VAE(**TINY, **parameters, callbacks=(MLflowCallback(), *more))


def steps(run, metric):
    return [(m.step, m.value) for m in MlflowClient().get_metric_history(run.info.run_id, metric)]


# ------------------------------------------------------------------ the callback
def test_callback_logs_parameters_losses_and_figures(runs):
    model = logging_model(validation_fraction=0.2).fit(few_columns())
    (run,) = runs()
    assert run.info.status == RunStatus.to_string(RunStatus.FINISHED)
    assert run.data.params["model"] == "VAE"
    assert run.data.params["hidden_dims"] == "(16,)"
    assert run.data.params["callbacks"] == "(MLflowCallback,)"
    for metric in ("model_loss", "validation_loss", "learning_rate", "seconds"):
        assert steps(run, metric) == list(enumerate(model.history_[metric], start=1)), metric
    assert run.data.metrics["epochs"] == EPOCHS
    assert run.data.metrics["final_model_loss"] == model.history_["model_loss"].iloc[-1]
    assert run.data.metrics["best_validation_loss"] == model.history_["validation_loss"].min()
    assert run.data.metrics["duration_seconds"] >= model.history_["seconds"].sum()


def test_callback_logs_in_one_request(experiment, monkeypatch):
    calls, log_batch = [], MlflowClient.log_batch
    monkeypatch.setattr(delivery, "GATHER_SECONDS", 1e6)
    monkeypatch.setattr(MlflowClient, "log_batch", lambda self, *a, **k: (calls.append(k), log_batch(self, *a, **k)))
    logging_model().fit(few_columns())
    assert len(calls) == 1


def test_callback_does_not_change_the_model(experiment):
    X = few_columns()
    assert np.array_equal(logging_model().fit(X).score_samples(X), VAE(**TINY).fit(X).score_samples(X))


def test_callback_survives_copies_and_repeated_fits(runs):
    model = logging_model().fit(few_columns())
    for copied in (clone(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        (callback,) = copied.callbacks
        assert vars(callback) == vars(MLflowCallback())
    model.fit(few_columns())
    AnomalyDetector(model).fit(few_columns())
    assert len(runs()) == 3


def test_a_copy_taken_during_a_fit_shares_nothing(experiment):
    copies = []

    class Copy(Callback):
        def on_epoch_end(self, run):
            copies.append(pickle.loads(pickle.dumps(run.parameters["callbacks"][0])))

    logging_model(Copy()).fit(few_columns())
    assert [vars(copied) for copied in copies] == [vars(MLflowCallback())] * EPOCHS


def test_callback_takes_its_own_place(store, experiment, runs):
    MlflowClient().create_experiment(f"{experiment} of the callback")
    callback = MLflowCallback(tracking_uri=store, experiment_name=f"{experiment} of the callback", run_name="night")
    VAE(**TINY, callbacks=(callback,)).fit(few_columns())
    there = MlflowClient().get_experiment_by_name(f"{experiment} of the callback").experiment_id
    assert [run.info.run_name for run in MlflowClient().search_runs([there])] == ["night"]
    assert runs() == []


@pytest.mark.parametrize(
    ("error", "status"), [(ZeroDivisionError("in a callback"), "FAILED"), (KeyboardInterrupt(), "KILLED")]
)
def test_a_fit_that_ends_early_says_so(runs, error, status):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # an interrupted training warns
        try:
            logging_model(Raise(error)).fit(few_columns())
        except ZeroDivisionError:
            assert status == "FAILED"
    (run,) = runs()
    assert run.info.status == status
    assert run.data.metrics["epochs"] == 1


# ------------------------------------------------------------------ the run
def test_an_active_run_takes_the_first_fit_and_children_the_others(runs):
    with mlflow.start_run() as active:
        mlflow.log_param("batch_size", 7)
        logging_model().fit(few_columns())
        logging_model().fit(few_columns())
        assert MlflowClient().get_run(active.info.run_id).info.status == "RUNNING"
    first, second = runs()
    assert first.info.run_id == active.info.run_id
    assert first.data.params["batch_size"] == "7"
    assert first.data.params["VAE.batch_size"] == "64"
    assert second.data.tags[MLFLOW_PARENT_RUN_ID] == active.info.run_id
    assert second.data.params["batch_size"] == "64"


def test_long_logs_arrive_in_parts_and_long_values_are_cut(runs):
    log = FitLog("many", Destination.here())
    log.parameters({f"parameter_{i}": i for i in range(250)})
    log.parameters({"long": "x" * 10_000})
    for epoch in range(1000):
        log.epoch({"epoch": epoch + 1, "loss": float(epoch), "seconds": 0.0})
    log.finish("FINISHED")
    (run,) = runs()
    assert len(run.data.params) == 251
    assert run.data.params["long"] == "x" * 5999 + "…"
    assert steps(run, "loss") == [(i + 1, i) for i in range(1000)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        ((128, 64), "(128, 64)"),
        ("auto", "auto"),
        (VAE(), "VAE"),
        ((ProgressBar(), Raise(None)), "(ProgressBar, Raise)"),
        (np.random.RandomState(0), "RandomState(MT19937)"),
    ],
)
def test_parameters_are_readable(value, text):
    assert readable(value) == text


# ------------------------------------------------------------------ autolog
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


# ------------------------------------------------------------------ the server is away
@pytest.mark.parametrize("way", ["callback", "autolog of a model", "autolog of a role"])
def test_without_a_server_a_fit_goes_on_and_warns_once(dead_server, monkeypatch, way):
    X = few_columns()
    expected = VAE(**TINY).fit(X).score_samples(X)
    attempts, connect = [], urllib3.util.connection.create_connection
    monkeypatch.setattr(
        urllib3.util.connection, "create_connection", lambda *a, **k: (attempts.append(a), connect(*a, **k))[1]
    )
    if way == "callback":
        estimator = logging_model()
    else:
        autolog(log_models=True)
        estimator = AnomalyDetector(VAE(**TINY)) if way == "autolog of a role" else VAE(**TINY)
    with pytest.warns(UserWarning, match="set_tracking_uri") as caught:
        estimator.fit(X)
    assert len(caught) == 1
    assert f"MLflow at {dead_server} did not get" in str(caught[0].message)
    assert caught[0].filename == __file__
    assert len(attempts) == 1
    assert np.array_equal(estimator.score_samples(X), expected)


def test_a_server_that_dies_during_a_fit_costs_one_warning(experiment, monkeypatch):
    calls = []

    def refuse(self, *args, **kwargs):
        calls.append(kwargs)
        raise mlflow.MlflowException("gone")

    monkeypatch.setattr(delivery, "GATHER_SECONDS", 0.0)
    monkeypatch.setattr(MlflowClient, "log_batch", refuse)
    with pytest.warns(UserWarning, match="MlflowException, gone") as caught:
        logging_model().fit(few_columns())
    assert (len(caught), len(calls)) == (1, 1)


def test_a_server_that_falls_silent_is_given_up(experiment, monkeypatch):
    calls, called, answer = [], threading.Event(), threading.Event()

    class WaitForTheCall(Callback):
        def on_epoch_end(self, run):
            called.wait()

    def wait(self, *args, **kwargs):
        calls.append(kwargs)
        called.set()
        answer.wait()

    monkeypatch.setattr(delivery, "GATHER_SECONDS", 0.0)
    monkeypatch.setattr(MlflowClient, "log_batch", wait)
    with pytest.warns(UserWarning, match=r"no answer within 0\.1 seconds") as caught:
        VAE(**TINY, callbacks=(MLflowCallback(wait=0.1), WaitForTheCall())).fit(few_columns())
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "mlflow-VAE"]
    answer.set()
    thread.join()
    assert (len(caught), len(calls)) == (1, 1)


def test_a_warning_shows_no_password(dead_server, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", dead_server.replace("http://", "http://someone:secret@"))
    with pytest.warns(UserWarning, match="set_tracking_uri") as caught:
        logging_model().fit(few_columns())
    assert "secret" not in str(caught[0].message)
