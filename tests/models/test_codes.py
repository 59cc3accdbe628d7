"""Codes: what lies between two rows, and which rows are alike."""

from __future__ import annotations

import numpy as np
import pytest
from cases import MODELS, SMALL, name, quick
from data import digits, few_columns, mixed_frame

from anomalib_vae import VAE, Autoencoder

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")


@pytest.fixture(scope="module")
def of_images():
    return Autoencoder(**SMALL | {"max_epochs": 60}).fit(digits())


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_every_model_interpolates_and_finds_neighbours(model):
    frame = mixed_frame()
    model = quick(model).fit(frame)
    between = model.interpolate(frame.iloc[[3]], frame.iloc[[90]], steps=4)
    assert between.dtypes.equals(frame.dtypes)
    assert len(between) == 4
    found = model.neighbours(frame, k=3)
    assert found.shape == (len(frame), 3)
    assert (found != np.arange(len(frame))[:, None]).all()


def test_an_interpolation_goes_from_one_reconstruction_to_the_other(of_images):
    one, other = digits()[:1], digits()[1:2]
    between = of_images.interpolate(one, other, steps=5)
    np.testing.assert_allclose(between[[0, -1]], of_images.reconstruct(digits()[:2]), atol=1e-9)
    np.testing.assert_array_equal(between, of_images.interpolate(digits()[0], digits()[1], steps=5))
    codes = of_images.transform(digits()[:2])
    np.testing.assert_allclose(between[2:3], of_images.inverse_transform(codes.mean(0, keepdims=True)), atol=1e-9)


def test_neighbours_are_the_nearest_codes(of_images):
    codes = of_images.transform(digits())
    distances = np.linalg.norm(codes[:1] - codes[1:], axis=1)
    expected = distances.argsort()[:4]
    assert of_images.neighbours(digits()[:1], k=4, among=digits()[1:]).tolist() == [expected.tolist()]
    assert of_images.neighbours(digits(), k=4)[0].tolist() == (expected + 1).tolist()


def test_neighbours_of_a_digit_show_the_same_digit_more_often_than_chance(of_images):
    from sklearn.datasets import load_digits

    labels = load_digits().target[: len(digits())]
    found = of_images.neighbours(digits(), k=3)
    assert (labels[found] == labels[:, None]).mean() > 0.6


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, X: m.interpolate(X, X[:1]), "a must be one row, got 178"),
        (lambda m, X: m.interpolate(X[:1], X), "b must be one row, got 178"),
        (lambda m, X: m.interpolate(X[:1], X[1:2], steps=1), "steps must be a whole number, at least 2, got 1"),
        (lambda m, X: m.neighbours(X, k=0), "k must be a whole number, at least 1, got 0"),
        (lambda m, X: m.neighbours(X, k=2.5), "k must be a whole number, at least 1, got 2.5"),
        (lambda m, X: m.neighbours(X, k=178), "k must be at most 177, the number of other rows, got 178"),
        (lambda m, X: m.neighbours(X, k=3, among=X[:2]), "k must be at most 2"),
    ],
)
def test_refuses(call, message):
    model = quick(VAE(**SMALL)).fit(few_columns())
    with pytest.raises(ValueError, match=message):
        call(model, few_columns())


def test_codes_as_frames_do_as_well():
    frame = few_columns()
    model = quick(VAE(**SMALL)).fit(frame)
    expected = model.neighbours(frame, k=2)
    assert (model.set_output(transform="pandas").neighbours(frame, k=2) == expected).all()
    assert len(model.interpolate(frame[:1], frame[1:2], steps=3)) == 3
