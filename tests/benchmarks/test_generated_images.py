"""The measuring program of generated images runs on small digits; its classifier is made once and sees digits."""

from __future__ import annotations

from argparse import Namespace

import numpy as np
import pandas as pd
import pytest
from programs import benchmark
from sklearn.datasets import load_digits

import anomalib_vae

DIGITS = load_digits()
IMAGES, LABELS = (DIGITS.images * 255 / 16).astype(np.uint8), DIGITS.target
LEARNED = slice(0, 1400)
HELD_OUT = slice(1400, None)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("classifiers")


@pytest.fixture
def eye(program_of, cache):
    return program_of("image_classifier").classifier(IMAGES[LEARNED], LABELS[LEARNED], cache)


class Remembering:
    """A conditional model that shows images it has learned, of a class that is asked for."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, images, labels):
        self.images, self.labels = images, labels

    def sample(self, n_samples=1, y=None):
        assert len(y) == n_samples
        rng = np.random.default_rng(self.random_state)
        return np.stack([self.images[rng.choice(np.flatnonzero(self.labels == label))] for label in y])


def chosen(cache, **given) -> Namespace:
    settings = {"model": "", "set": [], "epochs": "auto", "seeds": "0", "cache": cache, "train": None, "samples": 300}
    return Namespace(**settings | given)


def data() -> dict[str, np.ndarray]:
    return {
        "x_train": IMAGES[LEARNED],
        "y_train": LABELS[LEARNED],
        "x_test": IMAGES[HELD_OUT],
        "y_test": LABELS[HELD_OUT],
    }


def test_it_runs_and_prints_each_row(tmp_path):
    small = tmp_path / "digits.npz"
    np.savez(small, x_train=IMAGES[:150], y_train=LABELS[:150], x_test=IMAGES[150:250], y_test=LABELS[150:250])
    to = {"--data": small, "--cache": tmp_path, "--output": tmp_path / "out.csv", "--picture": tmp_path / "out.png"}
    options = [part for pair in to.items() for part in pair]
    done = benchmark(
        "generated_images.py", *options, "--model", "VAE", "--set", "latent_dim=4", "--epochs", 2, "--samples", 60
    )
    figures = pd.read_csv(tmp_path / "out.csv").set_index("model")
    assert list(figures.index) == [
        "training images",
        "each pixel by itself",
        "uniform noise",
        "VAE",
        "VAE, expected",
    ]
    assert figures.drop(columns=["seed", "requested", "fit_s", "sample_s"]).notna().all().all()
    assert figures.loc["uniform noise", "frechet"] > figures.loc["training images", "frechet"]
    assert "of the test images" in done.stdout
    assert (tmp_path / "out.png").stat().st_size > 1000


def test_the_classifier_sees_digits(eye):
    assert np.mean(eye.predict(IMAGES[HELD_OUT]) == LABELS[HELD_OUT]) > 0.85
    features, probabilities = eye.look(IMAGES[HELD_OUT])
    assert features.shape[0] == probabilities.shape[0] == len(IMAGES[HELD_OUT])
    assert probabilities.sum(1) == pytest.approx(1.0)


def test_the_classifier_is_trained_once_and_always_alike(program_of, eye, cache, tmp_path, monkeypatch):
    program = program_of("image_classifier")
    given = IMAGES[LEARNED], LABELS[LEARNED]
    again = program.classifier(*given, tmp_path).look(IMAGES[HELD_OUT])[0]
    assert np.array_equal(again, eye.look(IMAGES[HELD_OUT])[0])
    monkeypatch.setattr(program, "_train", lambda *_: pytest.fail("trained again"))
    assert np.array_equal(program.classifier(*given, cache).look(IMAGES[HELD_OUT])[0], again)


@pytest.mark.parametrize("shape", [(28, 28), (5, 7), (9, 32, 3)])
def test_the_classifier_takes_images_of_any_size_and_kind(program_of, tmp_path, shape):
    images = np.random.default_rng(0).random((30, *shape))
    labels = np.repeat(["a", "b"], 15)
    found = program_of("image_classifier").classifier(images, labels, tmp_path)
    assert set(found.predict(images)) <= {"a", "b"}
    spoken = program_of("image_classifier").pixels((255 * images).astype(np.uint8))
    assert spoken.max() <= 1.0


def test_models_that_are_asked_for_a_class_are_measured_by_what_is_seen(program_of, cache, monkeypatch):
    program = program_of("generated_images")
    monkeypatch.setattr(anomalib_vae, "Remembering", Remembering, raising=False)
    rows = {row["model"]: (row, images) for row, images in program.measured(chosen(cache, model="Remembering"), data())}
    figures, images = rows["Remembering"]
    assert figures["requested"] > 0.9
    assert figures["class_entropy"] == pytest.approx(np.log(10), abs=0.05)
    assert figures["coverage"] > 0.5
    assert images.shape == (300, 8, 8)
    for ceiling in ("each pixel by itself", "uniform noise"):
        assert rows[ceiling][0]["coverage"] < 0.5 * figures["coverage"]
        assert rows[ceiling][0]["frechet"] > 5.0 * figures["frechet"]


def test_only_models_that_the_package_has_are_fitted(program_of, cache, monkeypatch):
    program = program_of("generated_images")
    monkeypatch.setattr(program, "MODELS", [("VAE", {"latent_dim": 3}), ("Unwritten", {})])
    ((name, model),) = program.candidates(chosen(cache, epochs="2"), seed=4)
    assert name == "VAE, latent_dim=3"
    assert (model.latent_dim, model.max_epochs, model.random_state) == (3, 2, 4)


def test_pixels_by_themselves_keep_their_marginals(program_of):
    train = IMAGES[LEARNED]
    references = program_of("generated_images").references(train, 4000, np.random.default_rng(0))
    drawn = dict(references)["each pixel by itself"]
    assert np.abs(drawn.mean(0) - train.mean(0)).max() < 10.0
    assert (drawn.max(0) <= train.max(0)).all()
    correlation = np.corrcoef(drawn[:, 3, 3].astype(float), drawn[:, 3, 4].astype(float))[0, 1]
    assert abs(correlation) < 0.1


def test_the_entropy_of_equal_classes_is_the_logarithm_of_their_number(program_of):
    assert program_of("generated_images").entropy(np.array([5, 5, 0, 5])) == pytest.approx(np.log(3))
    assert program_of("generated_images").entropy(np.array([0, 9])) == 0.0
