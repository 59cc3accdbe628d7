"""The data that ship with the package: what is in them, and that their licences are told."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import anomalib_vae
from anomalib_vae import datasets

FOLDER = Path(datasets.__file__).parent
LOADERS = [
    datasets.load_card_transactions,
    datasets.load_online_shoppers,
    datasets.load_server_machine,
    datasets.load_ambient_temperature,
]


def test_card_transactions_are_what_the_docstring_says():
    frame = datasets.load_card_transactions()
    assert list(frame) == ["Time", *(f"V{i}" for i in range(1, 29)), "Amount", "label"]
    assert frame.shape == (1722, 31)
    assert (frame.drop(columns="label").dtypes == "float64").all()
    assert frame["label"].dtype == "int64"
    assert frame["label"].value_counts().to_dict() == {0: 1230, 1: 492}
    assert frame["Time"].is_monotonic_increasing
    assert frame["Time"].max() < 2 * 24 * 3600
    assert (frame["Amount"] >= 0).all()
    assert not frame.isna().any(axis=None)


def test_the_server_machine_is_what_the_docstring_says():
    frame = datasets.load_server_machine()
    assert list(frame) == [*(f"metric_{i}" for i in range(38)), "split", "label"]
    assert frame.shape == (14500, 40)
    assert frame["split"].value_counts().to_dict() == {"train": 8000, "test": 6500}
    assert frame.groupby("split", observed=True)["label"].sum().to_dict() == {"train": 0, "test": 156}
    assert (frame["label"].diff() == 1).sum() == 5
    assert not frame.isna().any(axis=None)


def test_the_ambient_temperature_is_what_the_docstring_says():
    frame = datasets.load_ambient_temperature()
    assert list(frame) == ["timestamp", "temperature", "label"]
    assert frame.shape == (7267, 3)
    assert frame["label"].sum() == 726
    assert (frame["label"].diff() == 1).sum() == 2
    steps = frame["timestamp"].diff().dropna()
    assert (steps > pd.Timedelta(0)).all()
    assert steps.median() == pd.Timedelta("1h")
    assert steps.max() > pd.Timedelta("1D")


def test_online_shoppers_are_what_the_docstring_says():
    frame = datasets.load_online_shoppers()
    assert frame.shape == (12330, 18)
    assert frame.dtypes.astype(str).value_counts().to_dict() == {"float64": 7, "category": 6, "int64": 3, "bool": 2}
    assert not frame.isna().any(axis=None)
    assert {"Nov", "May"} <= set(frame["month"].cat.categories)


@pytest.mark.parametrize("load", LOADERS)
def test_data_lie_inside_the_package(load, monkeypatch, tmp_path):
    read, opened = pd.read_parquet, []
    monkeypatch.setattr(pd, "read_parquet", lambda path, **options: (opened.append(Path(path)), read(path))[1])
    monkeypatch.chdir(tmp_path)
    load()
    assert opened
    assert all(path.resolve().is_relative_to(Path(anomalib_vae.__file__).resolve().parent) for path in opened)


@pytest.mark.parametrize("load", LOADERS)
def test_a_change_to_the_frame_does_not_reach_the_next_caller(load):
    frame = load()
    frame.iloc[0, 1] = frame.iloc[-1, 1] + 1
    pd.testing.assert_frame_equal(load(), load())
    assert load().iloc[0, 1] != frame.iloc[0, 1]


def test_the_notice_names_each_file_and_its_licence():
    rows = [line for line in (FOLDER / "NOTICE.md").read_text().splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    licences = {cell[0].strip("`"): cell[-1] for cell in cells}
    assert set(licences) == {file.name for file in FOLDER.glob("*.parquet")}
    assert licences["card_transactions.parquet"].startswith("Open Database License 1.0")
    assert licences["online_shoppers.parquet"] == "Creative Commons Attribution 4.0"


def test_the_folder_holds_nothing_else():
    assert {file.suffix for file in FOLDER.iterdir() if file.is_file()} == {".py", ".md", ".parquet"}
