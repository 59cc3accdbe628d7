"""The tracking server is away, dies or falls silent: the fit goes on, and one warning says what was lost."""

from __future__ import annotations

import threading

import mlflow
import numpy as np
import pytest
import urllib3
from data import few_columns
from integrations.logged_fits import TINY, logging_model
from mlflow import MlflowClient

from anomalib_vae import VAE, AnomalyDetector
from anomalib_vae.integrations.mlflow import MLflowCallback, autolog, delivery
from anomalib_vae.training.callbacks import Callback


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
    assert np.array_equal(getattr(estimator, "model_", estimator).score_samples(X), expected)


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
