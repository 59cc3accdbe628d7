"""The benchmark of detection runs end to end on a small protocol of its own, and prints ours beside the peers."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pandas as pd
import pytest
from programs import PROTOCOL, benchmark

PEERS = """method,data,mode,seed,auroc,ap,fit_s,score_s
coin,first,oneclass,0,0.5,0.1,0.0,0.0
coin,third,oneclass,0,0.4,0.1,0.0,0.0
coin,first,unsupervised,0,0.5,0.1,0.0,0.0
coin,elsewhere,oneclass,0,0.9,0.9,0.0,0.0
"""
SMALL = ("--model", "VAE", "--set", "hidden_dims=(16,)", "--set", "n_members=2", "--set", "max_epochs=40")


@pytest.fixture
def protocol(tmp_path) -> Path:
    (tmp_path / "peers").mkdir()
    (tmp_path / "peers" / "tabular_anomaly.csv").write_text(PEERS)
    (tmp_path / "protocol.py").write_text(PROTOCOL)
    return tmp_path / "protocol.py"


def tables(printed: str) -> dict[str, dict[str, list[float]]]:
    """The comparisons by mode: the figures of each method."""
    found = {}
    for mode, body in re.findall(r"^(\w+): means over.*\n((?:.+\n)+)", printed, flags=re.M):
        rows = [line.split() for line in body.splitlines()[2:]]
        found[mode] = {row[0]: [float(cell) for cell in row[1:]] for row in rows}
    return found


def test_ours_stand_beside_the_peers(protocol, tmp_path):
    done = benchmark("tabular_anomaly.py", "--protocol", protocol, "--output", tmp_path / "ours.csv", *SMALL)
    ours = pd.read_csv(tmp_path / "ours.csv")
    assert set(zip(ours["data"], ours["mode"], strict=True)) == {
        (data, mode) for data in ("first", "third") for mode in ("oneclass", "unsupervised")
    }
    assert ours["auroc"].between(0, 1).all()
    assert (ours["fit_s"] > 0).all()
    shown = tables(done.stdout)
    assert set(shown) == {"oneclass", "unsupervised"}
    auroc, _, _, sets, rank, _ = shown["oneclass"]["ours"]
    means = ours[ours["mode"] == "oneclass"]["auroc"]
    assert auroc == pytest.approx(means.mean(), abs=5e-4)
    assert sets == 2
    assert rank == pytest.approx(((means < [0.5, 0.4]) + 1).mean(), abs=5e-4)
    assert shown["oneclass"]["coin"][:1] == [0.45]  # "elsewhere" is no data set of ours


def test_sets_and_seeds_can_be_chosen(protocol, tmp_path):
    chosen = ("--modes", "oneclass", "--only", "third", "--seeds", "0,1", "--output", tmp_path / "ours.csv")
    done = benchmark("tabular_anomaly.py", "--protocol", protocol, *chosen, *SMALL)
    ours = pd.read_csv(tmp_path / "ours.csv")
    assert list(ours["seed"]) == [0, 1]
    assert set(ours["data"]) == {"third"}
    assert "first" not in done.stdout
    assert tables(done.stdout)["oneclass"]["ours"][3] == 1


@pytest.mark.parametrize("name", ["tabular_anomaly.py", "fit_time.py"])
def test_a_missing_protocol_is_said(name, tmp_path):
    needed = ["--peer-python", sys.executable] if name == "fit_time.py" else []
    done = benchmark(name, "--protocol", tmp_path / "protocol.py", *needed, code=1)
    assert "--protocol" in done.stderr
    assert "Traceback" not in done.stderr
