"""The measuring program of translations runs on small digits and measures what it says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from programs import benchmark


@pytest.fixture
def image_translation(program_of):
    return program_of("image_translation")


def test_it_prints_a_row_a_pair_and_model_and_draws_them(digits_file, tmp_path):
    done = benchmark(
        "image_translation.py", "--data", digits_file, "--epochs", 1, "--set", "channels=(4,)",
        "--output", tmp_path / "out.csv", "--picture", tmp_path / "out.png",
    )  # fmt: skip
    figures = pd.read_csv(tmp_path / "out.csv").set_index(["pair", "model"])
    assert set(figures.index.get_level_values("pair")) == {"edges", "inversion", "rotation"}
    assert figures.loc["edges"].index.tolist() == [
        "A itself", "mean of B", "ridge regression", "Pix2Pix", "CycleGAN"
    ]  # fmt: skip
    assert (figures[["rmse", "mae"]] > 0).all(axis=None)
    assert (figures["rmse"] >= figures["mae"]).all()
    trained = figures.loc[[("inversion", "Pix2Pix"), ("inversion", "CycleGAN")]]
    assert trained["cpu_s"].gt(0).all()
    assert trained[["back_rmse", "cycle_rmse"]].gt(0).all(axis=None)
    assert figures.loc[("rotation", "ridge regression"), "rmse"] < figures.loc[("rotation", "mean of B"), "rmse"]
    assert "ridge regression" in done.stdout
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_only_what_is_asked_for_is_run(digits_file):
    done = benchmark(
        "image_translation.py", "--data", digits_file, "--pairs", "rotation", "--models", "Pix2Pix", "--epochs", 1,
        "--seeds", "0,1",
    )  # fmt: skip
    assert done.stdout.count("'model': 'Pix2Pix'") == 2
    assert "CycleGAN" not in done.stdout
    assert "edges" not in done.stdout


def test_pairs_are_what_they_are_called(image_translation):
    images = np.zeros((2, 6, 6), np.uint8)
    images[:, 1:4, 1:5] = 200
    a, b = image_translation.edges(images)
    np.testing.assert_array_equal(b, images)
    np.testing.assert_array_equal(a[:, [2, 0], [2, 2]], [[0, 200]] * 2)
    np.testing.assert_array_equal(image_translation.inversion(images)[1], 255 - images)
    np.testing.assert_array_equal(image_translation.rotation(images)[1][0], np.rot90(images[0]))
    assert image_translation.errors(np.full((1, 2), 255), np.array([[255, 0]])) == pytest.approx(
        {"rmse": 0.5**0.5, "mae": 0.5}
    )
