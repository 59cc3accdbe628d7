"""What models promise that translate images of one set into images of another."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from cases import TRANSLATORS, name, quick
from data import digits, digits_in_bytes, digits_with_gaps, few_columns
from sklearn.base import clone

import anomalib_vae
from anomalib_vae import CycleGAN, Pix2Pix, load
from anomalib_vae.report import SampleSnapshots, samples, samples_over_time

HEAT = {"Pix2Pix": "B", "CycleGAN": "A"}  # the images whose pixels have parts of the score


def negatives() -> np.ndarray:
    return 1.0 - digits()


def coloured() -> np.ndarray:
    return np.repeat(digits_in_bytes()[..., None], 3, -1) // np.array([1, 2, 3], np.uint8)


SETS = {
    "bytes to floats": (digits_in_bytes(), negatives()),
    "gaps to gaps": (digits_with_gaps(), 1.0 - digits_with_gaps()[::-1]),
    "grey to colours, of odd sizes": (digits()[:, 1:, 3:], coloured()[:, 1:, 3:]),
    "colours to any range": (coloured(), 100.0 * digits() - 50.0),
}


@pytest.fixture(params=TRANSLATORS, ids=name)
def model(request):
    return quick(request.param, epochs=1)


@pytest.fixture(scope="module", params=SETS.values(), ids=list(SETS))
def images(request):
    return request.param


@pytest.fixture(scope="module", params=TRANSLATORS, ids=name)
def of_images(request, images):
    return quick(request.param, epochs=1).fit(*images), *images


@pytest.fixture(scope="module", params=TRANSLATORS, ids=name)
def of_gaps(request):
    """Fitted, with the images that it knows; not to be changed."""
    a, b = digits_with_gaps(), coloured()
    return quick(request.param).fit(a, b), a, b


# ------------------------------------------------------------------ verbs
def test_translations_are_images_like_those_of_the_other_set(of_images):
    model, a, b = of_images
    looks_like(model.transform(a), b)
    looks_like(model.inverse_transform(b), a)
    looks_like(model.reconstruct(a), a)
    assert model.n_features_in_ == a[0].size
    assert len(model.get_feature_names_out()) == b[0].size


def looks_like(made: np.ndarray, images: np.ndarray) -> None:
    assert made.shape == images.shape
    assert made.dtype == images.dtype
    assert np.isfinite(made).all()
    assert np.nanmin(images) <= made.min()
    assert made.max() <= np.nanmax(images)


def test_scores_are_sums_of_their_heat_maps(of_images):
    model, a, b = of_images
    for y in (None, b):
        scores, heat = model.score_samples(a, y), model.column_scores(a, y)
        assert np.isfinite(scores).all()
        assert heat.shape == (a if HEAT[type(model).__name__] == "A" else b).shape
        np.testing.assert_allclose(heat.reshape(len(a), -1).sum(1), scores, rtol=1e-9)
        assert model.score(a, y) == pytest.approx(scores.mean())
    scored = a if HEAT[type(model).__name__] == "A" else b
    assert ((heat == 0) == np.isnan(scored)).all()
    assert len(model.typical_column_scores_) == scored[0].size


def test_the_history_has_both_players(of_gaps):
    model, _, _ = of_gaps
    assert {"critic_loss", "generator_loss"} <= set(model.history_)
    assert np.isfinite(model.history_).all(axis=None)


def test_what_has_no_sense_says_so(of_gaps):
    model, _, _ = of_gaps
    refused = {"interpolate": (digits()[0], digits()[1]), "neighbours": (digits(),)}
    for verb, arguments in refused.items():
        with pytest.raises(NotImplementedError, match=f"{type(model).__name__} has no {verb}: it .*: "):
            getattr(model, verb)(*arguments)


def test_samples_are_translations_of_images_of_training(of_gaps, tmp_path):
    model, a, b = of_gaps
    drawn = model.sample(9)
    assert drawn.shape == (9, *b.shape[1:])
    assert drawn.dtype == b.dtype
    translations = model.transform(a)
    assert all((abs(translations - image).max(axis=tuple(range(1, b.ndim))) < 1e-6).any() for image in drawn)
    assert len(np.unique(drawn, axis=0)) > 1
    np.testing.assert_array_equal(model.sample(9), drawn)
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").sample(9), drawn)
    with pytest.raises(ValueError, match="n_samples"):
        model.sample(0)


def test_samples_over_time_are_images_of_the_other_set(model):
    model.set_params(callbacks=(SampleSnapshots(4),)).fit(digits(), coloured())
    assert samples_over_time(model).axes
    assert samples(model, 4).axes


def test_what_may_stand_in_a_pixel_is_what_comes_back(model):
    model.fit(digits(), negatives())
    found = model.predictive(digits())
    np.testing.assert_allclose(found.mean, model.expected_features(digits()))
    assert (found.deviation > 0).all()


# ------------------------------------------------------------------ promises of all models
def test_the_same_seed_gives_the_same_model(model):
    one, other = (clone(model).fit(digits_with_gaps(), negatives()) for _ in range(2))
    np.testing.assert_array_equal(one.transform(digits()), other.transform(digits()))
    np.testing.assert_array_equal(one.score_samples(digits()), other.score_samples(digits()))
    different = clone(model).set_params(random_state=1).fit(digits_with_gaps(), negatives())
    assert not np.allclose(one.transform(digits()), different.transform(digits()))


def test_saving_and_pickling_keep_results(of_gaps, tmp_path):
    model, a, b = of_gaps
    for again in (anomalib_vae.load(model.save(tmp_path) and tmp_path), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(again.transform(a), model.transform(a))
        np.testing.assert_array_equal(again.inverse_transform(b), model.inverse_transform(b))
        np.testing.assert_array_equal(again.score_samples(a, b), model.score_samples(a, b))
        assert repr(again) == repr(model)
    assert not clone(model).__sklearn_is_fitted__()


def test_an_image_is_translated_regardless_of_the_others(of_gaps):
    model, a, _ = of_gaps

    def translated(images):  # before whole numbers are rounded
        return model._evaluate(lambda batch: model.network_.translate(batch).mean(0), model.rows(images))

    for verb in (translated, model.score_samples):
        alone = np.concatenate([verb(a[[i]]) for i in range(0, len(a), 25)])
        np.testing.assert_allclose(alone, verb(a)[::25], atol=1e-6)


def test_no_method_changes_the_callers_images(model):
    a, b = digits_with_gaps(), 1.0 - digits_with_gaps()
    copies = a.copy(), b.copy()
    for part in (a, b):
        part.setflags(write=False)
    model.fit(a, b)
    for method in ("transform", "score_samples", "column_scores", "score"):
        getattr(model, method)(a)
    model.score_samples(a, b)
    model.inverse_transform(b)
    np.testing.assert_array_equal(a, copies[0])
    np.testing.assert_array_equal(b, copies[1])


def test_missing_pixels_are_told_from_black_ones(model):
    a = digits_with_gaps()
    model.set_params(max_epochs=5).fit(a, 1.0 - a)
    assert not np.allclose(model.transform(a)[::3], model.transform(np.nan_to_num(a))[::3])


def test_bytes_and_floats_of_the_same_images_are_translated_alike(model):
    bytes_, floats = digits_in_bytes(), digits_in_bytes() / 255
    one = clone(model).fit(bytes_, negatives()).transform(bytes_)
    other = clone(model).fit(floats, negatives()).transform(floats)
    np.testing.assert_allclose(one, other, atol=1e-3)


def test_without_dense_layers_there_are_convolutions_alone(model):
    model.set_params(hidden_dims=()).fit(digits(), negatives())
    assert not any("dense" in part for part in model.network_.state_dict())
    looks_like(model.transform(digits()), negatives())


# ------------------------------------------------------------------ what is learned
def test_pairs_teach_which_image_belongs_to_which_both_ways():
    model = clone(TRANSLATORS[0]).set_params(max_epochs=40, batch_size=16, n_members=1)
    a, b = digits(), np.roll(digits(), 4, axis=1)  # the upper half below the lower one
    model.fit(a[:120], b[:120])
    for found, wanted, mean in (
        (model.transform(a[120:]), b[120:], b[:120].mean(0)),
        (model.inverse_transform(b[120:]), a[120:], a[:120].mean(0)),
        (model.reconstruct(a[120:]), a[120:], a[:120].mean(0)),
    ):
        assert abs(found - wanted).mean() < 0.7 * abs(mean - wanted).mean()
    assert abs(model.transform(a[120:]) - b[120:]).mean() < 0.7 * abs(a[120:] - b[120:]).mean()
    matching, shifted = model.score_samples(a[120:], b[120:]), model.score_samples(a[120:], np.roll(b[120:], 1, 0))
    assert (matching > shifted).mean() > 0.9


def test_no_pairs_are_needed_to_learn_the_ways_there_and_back():
    model = clone(TRANSLATORS[1]).set_params(max_epochs=40, batch_size=16, n_members=1)
    a, b = digits(), negatives()
    model.fit(a[:60], b[60:120])
    assert abs(model.transform(a[120:]) - b[120:]).mean() < 0.15
    assert abs(model.inverse_transform(b[120:]) - a[120:]).mean() < 0.15
    assert abs(model.reconstruct(a[120:]) - a[120:]).mean() < 0.15
    noise = np.random.default_rng(0).random((30, 8, 8))
    assert model.score_samples(noise).max() < model.score_samples(a[120:]).mean()


def test_images_that_are_turned_need_no_pairs():
    model = clone(TRANSLATORS[1]).set_params(max_epochs=40, batch_size=16, n_members=1)
    a, b = digits(), np.rot90(digits(), axes=(1, 2))
    model.fit(a[:60], b[60:120])
    assert abs(model.transform(a[120:]) - b[120:]).mean() < 0.15
    assert abs(model.inverse_transform(b[120:]) - a[120:]).mean() < 0.15
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.transform(a), model.transform(a))


def test_unpaired_sets_differ_in_number():
    model = quick(TRANSLATORS[1], epochs=1)
    looks_like(model.fit(digits()[:50], negatives()).transform(digits()), negatives())
    looks_like(model.fit(digits(), negatives()[:30]).transform(digits()), negatives())


def test_held_out_pairs_choose_the_epoch():
    model = quick(TRANSLATORS[0]).set_params(validation_fraction=0.2).fit(digits(), negatives())
    assert (model.history_["validation_loss"] > 0).all()


# ------------------------------------------------------------------ errors
@pytest.mark.parametrize(
    ("b", "message"),
    [
        (None, "requires y to be passed, but the target y is None: give fit the images of both sets"),
        (few_columns(), r"y must be images of the other set, .* got \(178, 4\)"),
        (np.arange(150), r"y must be images of the other set, .* got \(150,\)"),
        (negatives()[:, :7], r"y must be images of the same height and width as those of X, \(8, 8\), got \(7, 8\)"),
        (negatives()[:1], r"y must hold at least 2 image\(s\) of at least one pixel, got \(1, 8, 8\)"),
        (np.full((150, 8, 8), np.nan), "y holds no observed pixel"),
        (np.full((150, 8, 8), np.inf), "images must not hold infinite pixels"),
    ],
    ids=["none", "table", "labels", "size", "one", "missing", "infinite"],
)
def test_the_other_set_must_be_images_of_the_same_size(model, b, message):
    with pytest.raises(ValueError, match=message):
        model.fit(digits(), b)


def test_tables_are_refused(model):
    with pytest.raises(ValueError, match=r"takes images only, an array of shape .* got \(178, 4\)"):
        model.fit(few_columns(), negatives())
    assert not model.__sklearn_tags__().input_tags.two_d_array
    assert model.__sklearn_tags__().target_tags.required


def test_other_images_than_in_training_are_refused(model):
    model.fit(digits(), coloured())
    with pytest.raises(ValueError, match=r"images of the shape \(n, 8, 8\) as in training, got"):
        model.transform(coloured())
    with pytest.raises(ValueError, match=r"y must be images of the shape \(n, 8, 8, 3\) as in training, got"):
        model.inverse_transform(digits())


def test_pairs_must_be_as_many():
    model = quick(TRANSLATORS[0])
    with pytest.raises(ValueError, match="y must hold the image that belongs to each of the 150 of X, got 140"):
        model.fit(digits(), negatives()[:140])
    model.fit(digits(), negatives())
    with pytest.raises(ValueError, match="y must hold the image that belongs to each of the 150 of X, got 3"):
        model.score_samples(digits(), negatives()[:3])


@pytest.mark.parametrize(
    ("translator", "parameters", "message"),
    [
        (Pix2Pix, {"latent_dim": 3}, r"Pix2Pix\.latent_dim must be 'auto', got 3"),
        (Pix2Pix, {"channels": ()}, r"Pix2Pix\.channels must have at least one width"),
        (CycleGAN, {"critic_channels": ()}, r"CycleGAN\.critic_channels must have at least one width"),
        (CycleGAN, {"validation_fraction": 0.1}, r"CycleGAN\.validation_fraction must be 0, got 0\.1: without pairs"),
        (
            CycleGAN,
            {"identity_weight": 1.0},
            r"CycleGAN\.identity_weight must be 0 where .* differ in channels, 1 and 3",
        ),
        (CycleGAN, {"cycle_weight": -1.0}, r"CycleGAN\.cycle_weight must be at least 0"),
    ],
)
def test_refuses_parameters_that_it_has_no_use_for(translator, parameters, message):
    with pytest.raises(ValueError, match=message):
        translator(**parameters).fit(digits(), coloured())
