"""The benchmarks of cost run end to end on small tables."""

from __future__ import annotations

import matplotlib.image
import pandas as pd
import pytest
from programs import PROTOCOL, benchmark

PEERS = """method,data,mode,seed,auroc,ap,fit_s,score_s
PyOD VAE,first,oneclass,0,0.5,0.25,3.0,0.0
PyOD VAE,third,oneclass,0,0.9,0.75,5.0,0.0
PyOD KNN,third,oneclass,0,0.1,0.1,1.0,0.0
"""


@pytest.fixture(scope="module")
def scaled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scaling")
    sizes = ("--rows", "300,600", "--columns", "", "--repeats", "1")
    done = benchmark("scaling.py", *sizes, "--output", folder / "cost.csv", "--plot", folder / "cost.png")
    return done.stdout, pd.read_csv(folder / "cost.csv"), folder / "cost.png"


def test_scaling_measures_fit_and_scoring_at_each_size(scaled):
    printed, figures, _ = scaled
    assert list(zip(figures["what"], figures["rows"], strict=True)) == [
        ("fit", 300),
        ("fit", 600),
        ("score", 300),
        ("score", 600),
    ]
    assert (figures["columns"] == 30).all()
    assert (figures[["seconds", "cpu_seconds"]] > 0).all(axis=None)
    assert printed.count("grows with rows to the power of") == 2
    assert "grows with columns" not in printed


def test_scaling_tells_how_near_scoring_is_to_the_machines_products(scaled):
    fit, scoring = (scaled[1].query(f"what == '{what}'") for what in ("fit", "score"))
    costs = ["share", "encode_us", "model_us", "model_products_us", "distances_us", "distances_products_us"]
    assert (scoring[costs] > 0).all(axis=None)
    assert fit[costs].isna().all(axis=None)
    expected = scoring["gflops"] / scoring["machine_gflops"]
    assert list(scoring["share"]) == pytest.approx(list(expected))


def test_scaling_draws_what_it_measured(scaled):
    picture = matplotlib.image.imread(scaled[2])
    assert picture.shape[:2] == (540, 1200)
    assert picture[..., :3].std() > 0.01


def test_the_curve_stands_beside_pyods_vae(tmp_path):
    (tmp_path / "peers").mkdir()
    (tmp_path / "peers" / "tabular_anomaly.csv").write_text(PEERS)
    (tmp_path / "protocol.py").write_text(PROTOCOL)
    options = ("--protocol", tmp_path / "protocol.py", "--output", tmp_path / "curve.csv", "--modes", "oneclass")
    done = benchmark("time_curve.py", *options, "--only", "third", "--steps", "2,9")
    ours = pd.read_csv(tmp_path / "curve.csv")
    assert list(ours["method"]) == ["2 steps", "9 steps"]
    assert list(ours["made"]) == [2, 9]
    lines = {line.split("  ")[0]: line.split()[-5:] for line in done.stdout.splitlines()[-4:]}
    assert lines["PyOD VAE"][0] == "NaN"
    assert list(map(float, lines["PyOD VAE"][1:])) == [0.9, 0.75, 5.0, 1.0]  # as many digits as the seconds beside need
    assert float(lines["9 steps"][1]) == pytest.approx(ours["auroc"][1], abs=5e-4)
    assert "KNN" not in done.stdout
