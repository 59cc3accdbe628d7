"""The measuring program of autoencoders runs on small digits and measures what it says."""

from __future__ import annotations

import pandas as pd
import pytest
from programs import benchmark


@pytest.fixture
def autoencoders(program_of):
    return program_of("autoencoders")


def test_it_runs_and_prints_each_part(digits_file, tmp_path):
    few = ("--train", 100, "--test", 40, "--epochs", 2)
    done = benchmark("autoencoders.py", "--data", digits_file, *few, "--output", tmp_path / "out.csv")
    figures = pd.read_csv(tmp_path / "out.csv")
    assert set(figures["part"]) == {"linear", "pretraining", "sparse", "contractive", "denoising", "robust"}
    assert (figures["error"] > 0).all()
    for name in ("PCA", "linear Autoencoder", "pretraining=0.0", "sparsity=0.05", "penalty=0.0", "DenoisingVAE, mask"):
        assert name in done.stdout
    assert figures.loc[figures["part"] == "denoising", "psnr_restored"].notna().all()
    assert figures["squared_jacobian"].dropna().gt(0).all()


def test_only_the_parts_that_are_asked_for_are_run(digits_file):
    done = benchmark("autoencoders.py", "--data", digits_file, "--parts", "linear", "--epochs", 2)
    assert "PCA" in done.stdout
    assert "Sparse" not in done.stdout


def test_psnr_of_a_hundredth_is_twenty_decibels(autoencoders):
    assert autoencoders.psnr(0.01) == pytest.approx(20.0)
    assert autoencoders.psnr(1.0) == 0.0
