"""What sets a PixelCNN apart from models with a latent code."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from cases import SMALL, quick
from data import complete_frame, digits, few_columns, with_holes

from anomalib_vae import PixelCNN
from anomalib_vae.networks.pixel_cnn import ConvolutionalConditionals, DenseConditionals

TINY = SMALL | {"channels": (8, 8)}
ONE = TINY | {"n_members": 1, "likelihood": "bernoulli"}


def black_and_white() -> np.ndarray:
    return (digits() > 0.5).astype(np.uint8) * 255


def coloured() -> np.ndarray:
    return np.repeat((255 * digits()).astype(np.uint8)[:, :6, :, None], 3, -1)


def with_gaps() -> np.ndarray:
    images = digits()
    images[::3, :, 5:] = np.nan
    return images


@pytest.fixture(scope="module")
def fitted():
    return PixelCNN(**ONE | {"max_epochs": 30, "batch_size": 16}).fit(black_and_white()[:120])


def test_a_named_class_states_only_what_is_different():
    assert len(inspect.getsource(PixelCNN).splitlines()) < 80


# ------------------------------------------------------------------ score
@pytest.mark.parametrize("X", [with_gaps(), coloured(), with_holes(few_columns())], ids=["gaps", "colours", "table"])
def test_column_scores_sum_to_the_score(X):
    model = quick(PixelCNN(**TINY)).fit(X)
    terms = np.asarray(model.column_scores(X)).reshape(len(X), -1)
    np.testing.assert_allclose(terms.sum(1), model.score_samples(X), rtol=1e-12)


def test_it_knows_more_of_a_pixel_than_its_mean(fitted):
    train, test = black_and_white()[:120] / 255, black_and_white()[120:] / 255
    white = (train.sum(0) + 0.5) / (len(train) + 1)
    independent = (test * np.log(white) + (1 - test) * np.log(1 - white)).sum((1, 2))
    assert fitted.score(black_and_white()[120:]) > independent.mean() + 3


def test_a_digit_upside_down_is_less_normal(fitted):
    upside_down = black_and_white()[120:, ::-1]
    assert fitted.score(upside_down) < fitted.score(black_and_white()[120:])


def test_missing_pixels_have_no_term_and_are_told_from_black_ones():
    images = with_gaps()
    model = PixelCNN(**TINY).fit(images)
    heat = model.column_scores(images)
    assert ((heat == 0) == np.isnan(images)).all()
    filled = np.nan_to_num(images)
    observed = ~np.isnan(images[0])
    assert not np.allclose(model.column_scores(filled)[::3][:, observed], heat[::3][:, observed])


# ------------------------------------------------------------------ codes, draws, means
@pytest.mark.parametrize(
    ("X", "likelihood"),
    [(black_and_white(), "bernoulli"), (coloured(), "gaussian"), (digits(), "student_t")],
    ids=["black and white", "colours", "floats"],
)
def test_a_code_is_its_image(X, likelihood):
    model = quick(PixelCNN(**TINY | {"likelihood": likelihood})).fit(X)
    codes = model.transform(X)
    assert codes.shape == (len(X), SMALL["n_members"] * X[0].size)
    np.testing.assert_allclose(model.inverse_transform(codes), X, rtol=0, atol=1e-9)


def test_a_code_is_its_row():
    frame = complete_frame()
    model = quick(PixelCNN(**TINY)).fit(frame)
    again = model.inverse_transform(model.transform(frame))
    for column in ("int64", "Int64", "bool", "category", "object"):
        assert (again[column].to_numpy() == frame[column].to_numpy()).all()
    np.testing.assert_allclose(again["float64"], frame["float64"], rtol=1e-6)


def test_what_is_missing_has_the_code_of_the_middle():
    images = with_gaps()
    codes = quick(PixelCNN(**TINY)).fit(images).transform(images).reshape(len(images), SMALL["n_members"], 8, 8)
    assert ((codes == 0) == np.isnan(images)[:, None]).all()


def test_an_interpolation_goes_from_one_image_to_the_other(fitted):
    one, other = black_and_white()[0], black_and_white()[1]
    between = fitted.interpolate(one, other, steps=4)
    np.testing.assert_array_equal(between[[0, -1]], [one, other])


def test_images_are_drawn_from_the_seed(fitted):
    drawn = fitted.sample(20)
    np.testing.assert_array_equal(drawn, fitted.sample(20))
    assert set(np.unique(drawn)) == {0, 255}
    assert len(np.unique(drawn, axis=0)) > 15
    assert fitted.score(drawn) > fitted.score(np.random.default_rng(0).permuted(drawn, axis=0)) + 3


def test_an_expectation_knows_the_pixels_before_and_no_other(fitted):
    images = black_and_white()[:6] / 255.0
    model = quick(PixelCNN(**ONE)).fit(images)
    expected = model.reconstruct(images)
    assert (expected[:, 0, 0] == expected[0, 0, 0]).all()
    images[:, 4, 4] = 1.0 - images[:, 4, 4]
    changed = (model.reconstruct(images) != expected).reshape(len(images), -1)
    assert not changed[:, : 4 * 8 + 5].any()
    assert changed[:, 4 * 8 + 5].all()


# ------------------------------------------------------------------ parameters
def test_the_backbone_is_chosen_by_what_X_is():
    def conditionals(X, **parameters):
        return type(quick(PixelCNN(**TINY | parameters)).fit(X).network_.decoder)

    assert conditionals(digits()) is ConvolutionalConditionals
    assert conditionals(few_columns()) is conditionals(digits(), backbone="dense") is DenseConditionals
    with pytest.raises(ValueError, match=r"PixelCNN\.backbone='conv' needs images"):
        conditionals(few_columns(), backbone="conv")


def test_channels_are_the_widths_of_the_layers():
    model = quick(PixelCNN(**TINY | {"channels": (3, 5, 7)})).fit(digits())
    assert [layer.horizontal.weight.shape[1] for layer in model.network_.decoder.stacks.layers] == [6, 10, 14]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"latent_dim": 3}, r"PixelCNN\.latent_dim must be 'auto', got 3: the code has a number for each column"),
        ({"n_bins": 4}, r"PixelCNN\.n_bins must be 0, got 4: a column is drawn as it is read"),
    ],
)
def test_refuses_what_it_has_no_use_for(parameters, message):
    with pytest.raises(ValueError, match=message):
        PixelCNN(**TINY, **parameters).fit(few_columns())
