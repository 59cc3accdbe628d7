"""The pipelines run from the shell, and write into the two folders that they are given, nowhere else."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anomalib_vae.datasets import load_online_shoppers

ROOT = Path(__file__).resolve().parent.parent
EPOCHS = 3
ROWS = 600


@dataclass
class Job:
    """A pipeline that has run: what it printed, and the folders it was started in and given."""

    printed: str
    errors: str
    start: Path
    mlruns: Path
    output: Path

    def run(self):
        """The one run in the store."""
        from mlflow import MlflowClient

        client = MlflowClient(f"sqlite:///{self.mlruns / 'mlflow.db'}")
        (experiment,) = [e for e in client.search_experiments() if e.name != "Default"]
        (run,) = client.search_runs([experiment.experiment_id])
        return client, run


def packaged() -> dict[str, str]:
    """The shipped data, by their checksums."""
    files = sorted((ROOT / "anomalib_vae" / "datasets").glob("*.parquet"))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def start(name: str, folder: Path, *arguments: str) -> Job:
    mlruns, output, place = folder / "mlruns", folder / "output", folder / "start"
    place.mkdir()
    places = ["--mlruns", str(mlruns), "--output", str(output)]
    quiet = {"OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "COLUMNS": "80"}
    quiet["PYTHONWARNINGS"] = "ignore:posterior collapse"  # of so few epochs
    command = [sys.executable, str(ROOT / "pipelines" / name), *places, "--max-epochs", str(EPOCHS), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=place, env=os.environ | quiet)
    assert done.returncode == 0, done.stderr
    return Job(done.stdout, done.stderr, place, mlruns, output)


@pytest.fixture(scope="module")
def before() -> dict[str, str]:
    return packaged()


@pytest.fixture(scope="module")
def fraud(before, tmp_path_factory) -> Job:
    return start("fraud.py", tmp_path_factory.mktemp("fraud"))


@pytest.fixture(scope="module")
def impute(before, tmp_path_factory) -> Job:
    return start("impute.py", tmp_path_factory.mktemp("impute"), "--rows", str(ROWS))


@pytest.fixture(scope="module")
def sensors(before, tmp_path_factory) -> Job:
    return start("sensors.py", tmp_path_factory.mktemp("sensors"), "--rows", "700")


@pytest.fixture(scope="module")
def images(before, tmp_path_factory) -> Job:
    return start("images.py", tmp_path_factory.mktemp("images"), "--rows", "200")


@pytest.fixture(params=["fraud", "impute", "sensors", "images"])
def job(request) -> Job:
    return request.getfixturevalue(request.param)


def test_fraud_scores_every_later_transaction(fraud):
    scores = pd.read_parquet(fraud.output / "scores.parquet")
    assert list(scores) == ["score", "verdict", "label", "reason_1", "reason_2", "reason_3"]
    assert len(scores) == 624
    assert scores["score"].dtype == "float64"
    assert np.isfinite(scores["score"]).all()
    assert set(scores["verdict"]) == {-1, 1}
    assert scores["label"].sum() == 132
    assert scores["reason_1"].str.contains("expected").all()
    assert scores["score"][scores["verdict"] == -1].max() < scores["score"][scores["verdict"] == 1].min()


def test_fraud_prints_the_peers_and_what_was_flagged(fraud):
    for words in ("anomalib_vae", "IsolationForest", "PCA", "AUROC", "average precision", "most suspicious", "flagged"):
        assert words in fraud.printed


def test_impute_fills_every_hole_and_keeps_dtypes(impute):
    filled, whole = pd.read_parquet(impute.output / "filled.parquet"), load_online_shoppers()
    assert filled.shape == (ROWS, whole.shape[1])
    assert list(filled) == list(whole)
    assert not filled.isna().any(axis=None)
    nullable = {"int64": "Int64", "bool": "boolean"}
    assert filled.dtypes.astype(str).to_dict() == {c: nullable.get(str(t), str(t)) for c, t in whole.dtypes.items()}
    same = filled.astype(str).to_numpy() == whole.loc[filled.index].astype(str).to_numpy()
    assert same.mean() > 0.8  # the cells that had no hole, to the bit


def test_impute_prints_the_peers_with_their_units(impute):
    for words in (
        "anomalib_vae",
        "IterativeImputer",
        "mean / mode",
        "RMSE [sd]",
        "accuracy",
        "dtypes as they came: True",
    ):
        assert words in impute.printed


def test_sensors_says_which_intervals_to_look_at(sensors):
    alarms = pd.read_csv(sensors.output / "alarms.csv")
    assert list(alarms)[:5] == ["watched", "alarm", "start", "end", "steps"]
    assert set(alarms["watched"]) <= {"server", "office"}
    assert (alarms["steps"] >= 1).all()
    for words in ("straight line", "Alarms of the server", "Alarms of the office", "AUROC"):
        assert words in sensors.printed


def test_images_draws_what_was_learned_without_the_anomalies(images):
    assert {file.stem for file in (images.output / "images").iterdir()} == {
        "anomalies",
        "interpolations",
        "latent_manifold",
        "latent_space",
        "latent_space_2d",
        "reconstructions",
        "samples",
        "samples_over_time",
        "score_histogram",
        "training_curves",
    }
    for words in ("of all classes but 0", "reconstruction error", "AUROC", "AnomalyDetector", "PCA", "ELBO"):
        assert words in images.printed
    client, run = images.run()
    logged = {Path(file.path).name for file in client.list_artifacts(run.info.run_id, "images")}
    assert logged == {file.name for file in (images.output / "images").iterdir()}


def test_the_last_lines_say_how_to_open_the_run(job):
    *_, command = job.printed.strip().splitlines()
    assert command.split()[1:] == ["ui", "--backend-store-uri", f"sqlite:///{job.mlruns / 'mlflow.db'}"]
    assert Path(command.split()[0]).name == "mlflow"


def test_nothing_else_is_printed(job):
    assert job.errors == ""
    assert max(map(len, job.printed.splitlines()[:-1])) <= 120
    assert not [line for line in job.printed.splitlines() if "INFO" in line or "Warning" in line]


def test_nothing_else_is_written(job, before):
    assert list(job.start.iterdir()) == []
    assert {path.name for path in job.start.parent.iterdir()} == {"start", "mlruns", "output"}
    assert packaged() == before


@pytest.mark.parametrize(
    ("name", "metrics", "picture"),
    [
        ("fraud", {"AUROC", "average_precision"}, "score_histogram.png"),
        ("impute", {"rmse", "accuracy"}, "imputed_against_observed.png"),
        ("sensors", {"server_AUROC", "server_gap_error_straight_line"}, "server.png"),
        ("images", {"AUROC", "ELBO", "reconstruction_error"}, "images"),
    ],
)
def test_the_store_holds_a_finished_run(name, metrics, picture, request):
    job = request.getfixturevalue(name)
    client, run = job.run()
    assert run.info.status == "FINISHED"
    assert run.data.params["max_epochs"] == str(EPOCHS)
    assert "learning_rate" in run.data.params
    assert len(client.get_metric_history(run.info.run_id, "model_loss")) == EPOCHS
    assert metrics <= set(run.data.metrics)
    artifacts = {file.path for file in client.list_artifacts(run.info.run_id)}
    (file,) = job.output.iterdir()
    table = "alarms.json" if name == "sensors" else "comparison.json"
    assert {picture, table, file.name} <= artifacts


@pytest.mark.parametrize(
    ("name", "expected"),
    [("fraud", "AnomalyDetector"), ("impute", "VAEImputer"), ("sensors", "AnomalyDetector"), ("images", "VAE")],
)
def test_the_logged_model_loads(name, expected, request):
    from anomalib_vae import load

    job = request.getfixturevalue(name)
    (folder,) = job.mlruns.glob("artifacts/models/*/artifacts/estimator")
    assert type(load(folder)).__name__ == expected
