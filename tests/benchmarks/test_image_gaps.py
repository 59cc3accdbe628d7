"""The measuring program of missing pixels runs on small digits, and fills as it says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from data import digits
from programs import benchmark
from sklearn.impute import KNNImputer


@pytest.fixture
def image_gaps(program_of):
    return program_of("image_gaps")


def test_each_method_is_measured_on_each_kind_of_hole(digits_file, tmp_path):
    done = benchmark("image_gaps.py", "--data", digits_file, "--epochs", 1, "--output", tmp_path / "out.csv")
    figures = pd.read_csv(tmp_path / "out.csv")
    methods = {"mean", "kNN", "Gaussian", "DenoisingVAE", "VAE", "frozen VAE"}
    assert set(zip(figures["method"], figures["holes"], strict=True)) == {
        (method, holes) for method in methods for holes in ("random", "square", "lower")
    }
    assert figures["rmse"].between(0.05, 0.6).all()
    ours = figures["method"].str.endswith("VAE")
    assert figures.loc[ours, "covered"].between(0.7, 1).all()
    assert figures.loc[~ours, "covered"].isna().all()
    assert "Gaussian" in done.stdout


def test_nearest_images_fill_as_scikit_learns_do(image_gaps):
    train, test = digits()[:100], digits()[100:]
    gaps = np.where(image_gaps.random_pixels(test, np.random.default_rng(0)), np.nan, test)
    peer = KNNImputer(n_neighbors=5).fit(train.reshape(100, -1)).transform(gaps.reshape(50, -1))
    ours = image_gaps.nearest_fill(train)(gaps).reshape(50, -1)
    assert np.mean(np.isclose(ours, peer)) > 0.98  # the fifth and the sixth nearest may be as near


def test_holes_are_of_their_size(image_gaps):
    images, rng = digits(), np.random.default_rng(0)
    squares = image_gaps.square(images, rng)
    assert (squares.sum(axis=(1, 2)) == 16).all()
    assert squares.any(axis=0).all()
    assert image_gaps.lower_half(images, rng)[0].tolist() == [[False] * 8] * 4 + [[True] * 8] * 4
    assert image_gaps.random_pixels(images, rng).mean() == pytest.approx(0.5, abs=0.02)
