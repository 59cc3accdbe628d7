"""Fits that log themselves to MLflow through the callback, and the run that they go to."""

from __future__ import annotations

import copy
import pickle
import warnings

import mlflow
import numpy as np
import pytest
from data import few_columns
from integrations.logged_fits import EPOCHS, TINY, Raise, logging_model, steps
from mlflow import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID
from sklearn.base import clone

from anomalib_vae import VAE, AnomalyDetector
from anomalib_vae.integrations.mlflow import MLflowCallback, delivery
from anomalib_vae.integrations.mlflow.fitlog import FitLog, readable
from anomalib_vae.integrations.mlflow.run import Destination
from anomalib_vae.training.callbacks import Callback, ProgressBar


# ------------------------------------------------------------------ the callback
def test_callback_logs_parameters_losses_and_figures(runs):
    model = logging_model(validation_fraction=0.2).fit(few_columns())
    (run,) = runs()
    assert run.info.status == "FINISHED"
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
