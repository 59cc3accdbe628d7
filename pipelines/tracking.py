"""Where the pipelines log: an MLflow store of one SQLite file and a folder of artifacts, both under mlruns/."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import mlflow
import pandas as pd
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
console = Console()


def options(description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--mlruns", type=Path, default=ROOT / "mlruns", help="MLflow's store")
    parser.add_argument("--output", type=Path, default=ROOT / "output", help="where the resulting files go")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-epochs", type=int, default=None, help="fewer than the model's default, for a quick look")
    chosen = parser.parse_args()
    chosen.output.mkdir(parents=True, exist_ok=True)
    return chosen


def start_run(store: Path, experiment: str) -> mlflow.ActiveRun:
    """Start a run in the store, which is made on first use."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    store = store.resolve()
    store.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(f"sqlite:///{store / 'mlflow.db'}")
    if mlflow.get_experiment_by_name(experiment) is None:
        mlflow.create_experiment(experiment, artifact_location=(store / "artifacts").as_uri())
    mlflow.set_experiment(experiment)
    return mlflow.start_run()


def show(title: str, frame: pd.DataFrame, digits: int = 3) -> None:
    """Print a frame as a table, its index first."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in (frame.index.name or "", *map(str, frame.columns)):
        table.add_column(column, overflow="fold", justify="left")
    for label, row in zip(frame.index, frame.itertuples(index=False), strict=True):
        table.add_row(str(label), *(f"{v:.{digits}f}" if isinstance(v, float) else str(v) for v in row))
    console.print(table)


def say_where(store: Path, *files: Path) -> None:
    """The last lines: what was written, and how to look at the run."""
    for file in files:
        console.print(f"wrote {_short(file)}", soft_wrap=True)
    console.print("\nOpen the run, its losses, pictures and model with", soft_wrap=True)
    console.print(f"  .venv/bin/mlflow ui --backend-store-uri sqlite:///{_short(store / 'mlflow.db')}", soft_wrap=True)


def _short(path: Path) -> Path:
    path = path.resolve()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
