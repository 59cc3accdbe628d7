"""Every model of tables is a model of images too."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from cases import IMAGE_MODELS, MODELS, SMALL, name, quick
from data import digits, digits_in_bytes, digits_with_gaps, few_columns
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

import anomalib_vae
from anomalib_vae import VAE, AnomalyDetector, Autoencoder, DenoisingVAE, RobustVAE, SequenceVAE, VAEImputer
from anomalib_vae.losses.bernoulli import Bernoulli
from anomalib_vae.losses.corruptions import SaltAndPepper
from anomalib_vae.networks.image_backbone import ImageReader

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")

OF_IMAGES = [*(model for model in MODELS if model.takes_images), *IMAGE_MODELS]
BERNOULLI = VAE(**SMALL, likelihood="bernoulli")


@pytest.fixture(params=[*OF_IMAGES, BERNOULLI], ids=name)
def model(request):
    return quick(request.param)


@pytest.mark.parametrize("model", IMAGE_MODELS, ids=name)
def test_some_take_images_alone(model):
    assert not model.__sklearn_tags__().input_tags.two_d_array
    with pytest.raises(ValueError, match=r"takes images only, an array of shape .* got \(178, 4\)"):
        clone(model).fit(few_columns())


def test_there_are_models_of_images():
    assert {type(model).__name__ for model in OF_IMAGES} > {"VAE", "RobustVAE", "HierarchicalVAE", "DenoisingVAE"}


@pytest.mark.parametrize(
    "images",
    [digits_in_bytes(), digits_with_gaps(), np.repeat(digits_in_bytes()[:, :7, :, None], 3, -1)],
    ids=["bytes", "gaps", "colours"],
)
def test_all_verbs_work_and_give_images_like_those_of_training(model, images):
    model.fit(images)
    assert model.n_features_in_ == images[0].size
    codes = model.transform(images)
    assert codes.shape == (len(images), len(model.get_feature_names_out()))
    for made in (model.reconstruct(images), model.inverse_transform(codes), model.sample(len(images))):
        assert made.shape == images.shape
        assert made.dtype == images.dtype
        assert np.isfinite(made).all()
        assert np.nanmin(images) <= made.min()
        assert made.max() <= np.nanmax(images)
    assert np.isfinite(model.score_samples(images)).all()
    heat = model.column_scores(images)
    assert heat.shape == images.shape
    assert ((heat == 0) == np.isnan(images)).all()


def test_saving_and_pickling_keep_results(model, tmp_path):
    images = digits_with_gaps()
    model.fit(images)
    for again in (anomalib_vae.load(model.save(tmp_path) and tmp_path), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(again.score_samples(images), model.score_samples(images))
        np.testing.assert_array_equal(again.sample(3), model.sample(3))
        assert again.column_scores(images).shape == images.shape
    assert not clone(model).__sklearn_is_fitted__()


def test_the_same_seed_gives_the_same_model(model):
    one, other = (clone(model).fit(digits()) for _ in range(2))
    np.testing.assert_array_equal(one.score_samples(digits()), other.score_samples(digits()))


def test_an_image_is_scored_regardless_of_the_others(model):
    images = digits_with_gaps()
    model.fit(images)
    alone = np.concatenate([model.score_samples(images[[i]]) for i in range(0, len(images), 25)])
    np.testing.assert_allclose(alone, model.score_samples(images)[::25], atol=1e-6)


def test_bytes_and_floats_of_the_same_images_give_the_same_scores(model):
    one = clone(model).fit(digits_in_bytes()).score_samples(digits_in_bytes())
    other = clone(model).fit(digits_in_bytes() / 255).score_samples(digits_in_bytes() / 255)
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=0.05)


def test_no_method_changes_the_callers_images(model):
    images = digits_with_gaps()
    images.setflags(write=False)
    copy = images.copy()
    model.fit(images)
    for method in ("transform", "reconstruct", "score_samples", "column_scores", "score", "neighbours"):
        getattr(model, method)(images)
    np.testing.assert_array_equal(images, copy)


@pytest.mark.parametrize("model", [VAE, Autoencoder, RobustVAE])
def test_noise_is_less_normal_than_a_digit(model):
    fitted = model(**SMALL | {"max_epochs": 60}).fit(digits()[:120])
    noise = np.random.default_rng(0).random((30, 8, 8))
    assert fitted.score_samples(noise).max() < fitted.score_samples(digits()[120:]).min()


def test_the_heat_map_shows_where_an_image_is_odd():
    images = digits()
    fitted = Autoencoder(**SMALL | {"max_epochs": 60}).fit(images)
    images[0, 0, 0] = 1.0  # corners are black
    assert np.unravel_index(fitted.column_scores(images)[0].argmin(), (8, 8)) == (0, 0)


def test_missing_pixels_are_told_from_black_ones():
    images = digits_with_gaps()
    fitted = VAE(**SMALL).fit(images)
    assert not np.allclose(fitted.transform(images)[::3], fitted.transform(np.nan_to_num(images))[::3])


# ------------------------------------------------------------------ backbone
def test_the_backbone_is_chosen_by_what_X_is():
    def reads_with(model, X):
        return isinstance(quick(model).fit(X).network_.encoder, ImageReader)

    assert reads_with(VAE(**SMALL), digits())
    assert reads_with(VAE(**SMALL, backbone="conv"), digits())
    assert not reads_with(VAE(**SMALL, backbone="dense"), digits())
    assert not reads_with(VAE(**SMALL, channels=()), digits())
    assert not reads_with(VAE(**SMALL), few_columns())
    assert not reads_with(VAE(**SMALL), digits().reshape(-1, 64))


@pytest.mark.parametrize(
    ("model", "X"), [(VAE(backbone="conv"), few_columns()), (VAE(backbone="conv", channels=()), digits())]
)
def test_convolutions_need_images_and_channels(model, X):
    with pytest.raises(ValueError, match=r"VAE\.backbone='conv' needs images, \(n, height, width\)"):
        model.fit(X)


def test_channels_are_the_widths_of_the_layers():
    layers = quick(VAE(**SMALL, channels=(3, 5, 7))).fit(digits()).network_.encoder.layers
    assert [layer.weight.shape[1] for layer in layers] == [3, 5, 7]


# ------------------------------------------------------------------ likelihood and corruption
def test_a_bernoulli_likelihood_gives_probabilities_of_white():
    images = (digits() > 0.5).astype(float)
    fitted = clone(BERNOULLI).set_params(max_epochs=40).fit(images)
    expected = fitted.reconstruct(images)
    assert 0 < expected.min() < expected.max() < 1
    assert expected[images == 1].mean() > expected[images == 0].mean() + 0.2
    assert set(np.unique(fitted.sample(5))) == {0.0, 1.0}
    heat = fitted.column_scores(images)
    assert (heat < 0).all()


@pytest.mark.parametrize("likelihood", ["bernoulli", Bernoulli()])
def test_a_bernoulli_likelihood_is_not_for_the_numbers_of_a_table(likelihood):
    with pytest.raises(
        ValueError, match=r"VAE\.likelihood='bernoulli' is for pixels between 0 and 1, and X is a table"
    ):
        VAE(**SMALL, likelihood=likelihood).fit(few_columns())


def test_salt_and_pepper_are_white_and_black():
    fitted = quick(DenoisingVAE(**SMALL, corruption=SaltAndPepper(rate=1.0))).fit(digits())
    batch = fitted.encode(digits()).for_members(2)
    spoiled = SaltAndPepper(rate=1.0)(batch, fitted.codec_.layout, torch.Generator().manual_seed(0))
    assert set(spoiled.values.unique().tolist()) == {0.0, 1.0}


# ------------------------------------------------------------------ roles and tools
def test_a_detector_judges_images():
    odd = 1.0 - digits()[:5]
    detector = AnomalyDetector(VAE(**SMALL), contamination=0.05, random_state=0).fit(digits())
    assert (detector.predict(digits()) == -1).mean() == pytest.approx(0.05, abs=0.02)
    assert (detector.predict(odd) == -1).all()


def test_a_saved_detector_judges_the_same(tmp_path):
    detector = AnomalyDetector(quick(VAE(**SMALL))).fit(digits_in_bytes())
    again = anomalib_vae.load(detector.save(tmp_path) and tmp_path)
    np.testing.assert_array_equal(again.score_samples(digits_in_bytes()), detector.score_samples(digits_in_bytes()))


def test_cross_validation_takes_images():
    assert np.isfinite(cross_val_score(quick(VAE(**SMALL)), digits(), cv=2)).all()


def test_a_model_can_be_fitted_to_a_table_after_images_and_back():
    fitted = quick(VAE(**SMALL)).fit(few_columns()).fit(digits())
    assert not hasattr(fitted, "feature_names_in_")
    np.testing.assert_array_equal(
        fitted.score_samples(digits()), quick(VAE(**SMALL)).fit(digits()).score_samples(digits())
    )
    assert list(fitted.fit(few_columns()).feature_names_in_) == list(few_columns())
    assert fitted.n_features_in_ == 4


@pytest.mark.parametrize("X", [digits()[0], digits().reshape(-1, 64), digits()[:, :7], digits()[..., None]])
def test_other_shapes_than_in_training_are_refused(X):
    fitted = quick(VAE(**SMALL)).fit(digits())
    with pytest.raises(ValueError, match=r"images of the shape \(n, 8, 8\) as in training"):
        fitted.score_samples(X)


def test_a_model_of_tables_refuses_images():
    with pytest.raises(ValueError, match="X must be a table of 4 columns as in training, got images"):
        quick(VAE(**SMALL)).fit(few_columns()).score_samples(digits())


@pytest.mark.parametrize("estimator", [SequenceVAE(**SMALL), VAEImputer(SequenceVAE(**SMALL))], ids=name)
def test_who_can_not_take_images_says_so(estimator):
    with pytest.raises(ValueError, match="dim 3"):
        estimator.fit(digits())


def test_one_image_is_not_enough_to_learn_from():
    with pytest.raises(ValueError, match=r"Found 1 image\(s\).*minimum of 2"):
        VAE(**SMALL).fit(digits()[:1])
