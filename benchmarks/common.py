"""What the benchmarks share: the measuring protocol, found beside the checkout or where --protocol says, and tables."""

from __future__ import annotations

import argparse
import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

import anomalib_vae

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT.parent / "shared" / "bench"


def plain_parser(description: str) -> argparse.ArgumentParser:
    """Options that every program has; description: its docstring, of which the first line is shown."""
    options = argparse.ArgumentParser(
        description=description.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    options.add_argument("--threads", type=int, default=1, help="torch threads")
    options.add_argument("--output", type=Path, default=None, help="write the figures to this CSV file")
    return options


def parser(description: str) -> argparse.ArgumentParser:
    """Options that every benchmark has whose tasks the protocol makes."""
    options = plain_parser(description)
    options.add_argument("--protocol", type=Path, default=BENCH / "protocol.py", help="how tasks are made and scored")
    options.add_argument("--only", default="", help="comma-separated data sets; all by default")
    options.add_argument("--seeds", default="0", help="comma-separated seeds of the split and of the model")
    return options


def fit_options(options: argparse.ArgumentParser) -> None:
    """Options about the fits of models on data without a protocol."""
    options.add_argument("--seeds", default="0", help="comma-separated seeds of the models")
    options.add_argument("--epochs", default="auto", help="of each training; 'auto': the models' own")


def fit_settings(chosen: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Parameters of a model by these options, for one of the seeds."""
    return {"random_state": seed} | ({} if chosen.epochs == "auto" else {"max_epochs": int(chosen.epochs)})


def model_options(options: argparse.ArgumentParser) -> None:
    """Options that put another model, or the default one with other parameters, to the test."""
    options.add_argument("--model", default="", help="a model class of anomalib_vae; the role's default otherwise")
    options.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of that model")


def model(chosen: argparse.Namespace, default: str, **settings: Any) -> Any:
    """The model that the options ask for, None where they ask for none; settings go before those of --set."""
    given = dict(pair.split("=", 1) for pair in chosen.set)
    if not (chosen.model or given or settings):
        return None
    return getattr(anomalib_vae, chosen.model or default)(**settings | {k: _value(v) for k, v in given.items()})


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def protocol(path: Path) -> ModuleType:
    """The protocol module; exits with a message where the file is missing."""
    if not path.exists():
        sys.exit(f"{path} is missing: say with --protocol where the measuring protocol (and its data) is.")
    spec = importlib.util.spec_from_file_location("protocol", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["protocol"] = module
    spec.loader.exec_module(module)
    return module


def wanted(tasks, only: str):
    """The tasks of the data sets named in `only`, or all."""
    names = {name for name in only.split(",") if name}
    return (task for task in tasks if not names or task.name in names)


def save(rows: list[dict], path: Path | None) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    if path is not None:
        frame.to_csv(path, index=False)
    return frame
