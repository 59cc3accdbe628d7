"""The measuring program of autoencoders runs on small digits and measures what it says."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pandas as pd
import pytest
from data import digits
from programs import FOLDER, benchmark


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    images = (255 * digits()).astype(np.uint8)
    np.savez(path, x_train=images[:100], x_test=images[100:])
    return path


@pytest.fixture
def autoencoders(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    spec = importlib.util.spec_from_file_location("autoencoders_benchmark", FOLDER / "autoencoders.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_it_runs_and_prints_each_part(data, tmp_path):
    done = benchmark(
        "autoencoders.py", "--data", data, "--train", 100, "--test", 40, "--epochs", 2, "--output", tmp_path / "out.csv"
    )
    figures = pd.read_csv(tmp_path / "out.csv")
    assert set(figures["part"]) == {"linear", "pretraining", "sparse", "contractive", "denoising", "robust"}
    assert (figures["error"] > 0).all()
    for name in ("PCA", "linear Autoencoder", "pretraining=0.0", "sparsity=0.05", "penalty=0.0", "DenoisingVAE, mask"):
        assert name in done.stdout
    assert figures.loc[figures["part"] == "denoising", "psnr_restored"].notna().all()
    assert figures["squared_jacobian"].dropna().gt(0).all()


def test_only_the_parts_that_are_asked_for_are_run(data):
    done = benchmark("autoencoders.py", "--data", data, "--parts", "linear", "--epochs", 2)
    assert "PCA" in done.stdout
    assert "Sparse" not in done.stdout


def test_psnr_of_a_hundredth_is_twenty_decibels(autoencoders):
    assert autoencoders.psnr(0.01) == pytest.approx(20.0)
    assert autoencoders.psnr(1.0) == 0.0
