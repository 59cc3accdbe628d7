"""MLflow as the tests of the plug-in use it: a SQLite store and an artifact folder in a temporary place."""

from __future__ import annotations

import os
import socket

import pytest

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # read when mlflow is first imported


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """The URI of a store; one for all tests, because MLflow takes seconds to make its tables."""
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'store.db'}"
    MlflowClient(uri).search_experiments()
    return uri


@pytest.fixture
def experiment(store, tmp_path, monkeypatch):
    """An empty experiment, the active one during the test: its id."""
    from mlflow import MlflowClient

    from anomalib_vae.integrations.mlflow import autolog

    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    created = MlflowClient().create_experiment(str(tmp_path), artifact_location=(tmp_path / "artifacts").as_uri())
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", created)
    yield created
    autolog(disable=True)


@pytest.fixture
def runs(experiment):
    """A function that gives the runs of the experiment, the oldest first."""
    from mlflow import MlflowClient

    return lambda: MlflowClient().search_runs([experiment], order_by=["attributes.start_time ASC"])


@pytest.fixture
def dead_server(monkeypatch):
    """The URI of a server that is away, as MLflow's tracking URI."""
    from anomalib_vae.integrations.mlflow import autolog

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    yield uri
    autolog(disable=True)
