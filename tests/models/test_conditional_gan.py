"""What a conditional GAN learns of digits and their labels."""

from __future__ import annotations

import numpy as np
import pytest
from cases import SMALL
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from anomalib_vae import ConditionalGAN


@pytest.fixture(scope="module")
def zeros_and_ones():
    images, y = load_digits(n_class=2, return_X_y=True)
    return images.reshape(-1, 8, 8) / 16.0, np.array(["zero", "one"])[y]


@pytest.fixture(scope="module")
def fitted(zeros_and_ones):
    images, y = zeros_and_ones
    known = [label if i % 3 else None for i, label in enumerate(y)]
    settings = SMALL | {"n_members": 1, "max_epochs": 150, "batch_size": 32}
    return ConditionalGAN(**settings, learning_rate=0.01, latent_dim=8).fit(images, known)


def test_the_class_that_is_asked_for_is_what_comes(fitted, zeros_and_ones):
    images, y = zeros_and_ones
    judge = LogisticRegression(max_iter=1000).fit(images.reshape(-1, 64), y)
    wanted = np.array(["zero", "one"] * 100)
    made = fitted.sample(200, y=wanted)
    assert (judge.predict(made.reshape(-1, 64)) == wanted).mean() > 0.9
    assert fitted.history_["coverage"].dropna().iloc[-1] > 0.2


def test_codes_tell_the_class(fitted, zeros_and_ones):
    images, y = zeros_and_ones
    shares = fitted.transform(images)[:, -2:]
    assert (fitted.classes_[shares.argmax(1)] == y).mean() > 0.95


def test_the_right_label_makes_a_row_more_normal(fitted, zeros_and_ones):
    images, y = zeros_and_ones
    wrong = np.where(y == "zero", "one", "zero")
    assert (fitted.score_samples(images, y) > fitted.score_samples(images, wrong)).mean() > 0.9
