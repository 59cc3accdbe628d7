"""The measuring program of likelihoods runs on small digits and measures what it says."""

from __future__ import annotations

from argparse import Namespace

import numpy as np
import pandas as pd
import pytest
from data import digits
from programs import benchmark

from anomalib_vae import PixelCNN

FEW = ("--epochs", 2, "--samples", 20, "--set", "hidden_dims=16", "--set", "latent_dim=4")


@pytest.fixture
def likelihood(program_of):
    return program_of("likelihood")


def test_it_measures_each_model(digits_file, tmp_path):
    models = "VAE,IWAE,HierarchicalVAE"
    output = tmp_path / "out.csv"
    done = benchmark("likelihood.py", "--data", digits_file, "--models", models, *FEW, "--output", output)
    figures = pd.read_csv(tmp_path / "out.csv")
    assert list(figures["model"]) == ["VAE", "IWAE", "HierarchicalVAE"]
    assert list(figures["goal"]) == [88.5, 87.3, 86.5]
    assert list(figures["published"]) == [86.8, 85.5, 81.7]
    assert (figures["nll"] < figures["bound"]).all()
    assert (figures[["nll_se", "fit_cpu_s"]] >= 0).all(axis=None)
    assert "HierarchicalVAE" in done.stdout


def test_of_a_pixel_cnn_the_likelihood_is_exact(likelihood):
    settings = {"channels": (4,), "hidden_dims": (8,), "max_epochs": 1, "random_state": 0}
    images = likelihood.binarized((255 * digits()).astype(np.uint8))
    model = PixelCNN(**likelihood.BINARY | settings, callbacks=(likelihood.ProcessorTime(),)).fit(images)
    found = likelihood.figures(model, images, samples=1)
    assert found["nll"] == pytest.approx(-model.score(images))
    assert found["bound"] is None


def test_a_model_that_was_kept_is_not_trained_again(tmp_path, likelihood):
    chosen = Namespace(folder=tmp_path, epochs=1, set=["hidden_dims=8", "latent_dim=2"])
    train = likelihood.binarized((255 * digits()).astype(np.uint8))
    first, again, other = (likelihood.trained("IWAE", seed, train, chosen) for seed in (0, 0, 1))
    assert (first.importance_samples, first.n_iter_, first.hidden_dims) == (5, 1, (8,))
    assert first.history_.equals(again.history_)  # with the seconds that it took
    assert not first.history_.equals(other.history_)


def test_held_out_images_are_the_last_of_training_and_are_not_trained_on(digits_file, likelihood):
    grey = np.load(digits_file)["x_train"]
    train, test = likelihood.images(Namespace(data=digits_file, held_out=30, train=1000, test=1000))
    np.testing.assert_array_equal(train, grey[:70])
    np.testing.assert_array_equal(test, likelihood.binarized(grey[70:]))


def test_images_are_binarised_by_their_pixels_and_the_same_each_time(likelihood):
    grey = np.broadcast_to(np.array([0, 51, 255], np.uint8), (20_000, 3))
    found = likelihood.binarized(grey)
    assert set(np.unique(found)) == {0, 255}
    np.testing.assert_allclose(found.mean(0) / 255, [0.0, 0.2, 1.0], atol=0.02)
    np.testing.assert_array_equal(found, likelihood.binarized(grey))
