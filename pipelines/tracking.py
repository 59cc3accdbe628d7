"""Where the pipelines log: an MLflow store of one SQLite file and a folder of artifacts, both under mlruns/."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

import mlflow
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
console = Console()


def parser(description: str) -> argparse.ArgumentParser:
    """The options that every pipeline has."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    options.add_argument("--mlruns", type=Path, default=ROOT / "mlruns", help="MLflow's store")
    options.add_argument("--output", type=Path, default=ROOT / "output", help="where the resulting files go")
    options.add_argument("--seed", type=int, default=0, help="of everything random")
    options.add_argument("--max-epochs", type=epochs, default="auto", help="fewer than the default, for a quick look")
    return options


def epochs(text: str) -> int | str:
    return text if text == "auto" else int(text)


def start_run(store: Path, experiment: str) -> mlflow.ActiveRun:
    """Start a run in the store, which is made on first use."""
    if not (store / "mlflow.db").exists():
        say(f"Making MLflow's store in {_short(store)}")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    store = store.resolve()
    store.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(_uri(store / "mlflow.db"))
    if mlflow.get_experiment_by_name(experiment) is None:
        mlflow.create_experiment(experiment, artifact_location=(store / "artifacts").as_uri())
    mlflow.set_experiment(experiment)
    return mlflow.start_run()


def show(title: str, frame: pd.DataFrame, digits: int = 3) -> None:
    """Print a frame as a table, its index first."""
    table = Table(title=Text(f"\n{title}", "bold"), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(Text(frame.index.name or ""))
    for name, column in frame.items():
        justify = "right" if pd.api.types.is_numeric_dtype(column) else "left"
        table.add_column(Text(str(name)), overflow="fold", justify=justify)
    for label, row in zip(frame.index, frame.itertuples(index=False), strict=True):
        cells = (f"{cell:,.{digits}f}" if isinstance(cell, float) else str(cell) for cell in row)
        table.add_row(Text(str(label)), *map(Text, cells))
    console.print(table)


def say(text: str) -> None:
    """Print a line as it is: brackets are no markup, and a long path stays in one piece."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def say_where(store: Path, *files: Path) -> None:
    """The last lines: what was written, and how to look at the run."""
    for file in files:
        say(f"wrote {_short(file)}")
    say("\nOpen the run, its losses, pictures and model with")
    say(
        f"  {_short(Path(sys.executable).parent / 'mlflow')} ui --backend-store-uri {_uri(_short(store / 'mlflow.db'))}"
    )


def _uri(database: Path) -> str:
    return f"sqlite:///{database}"


def _short(path: Path) -> Path:
    """The path as a person in this folder would write it."""
    path = Path(os.path.abspath(path))  # not resolve(): a virtual environment's python is a link
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
