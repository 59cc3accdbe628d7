"""An imputer fills missing pixels, leaves the others untouched, and knows how far off it may be."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from cases import SMALL, quick
from data import digits, few_columns
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from anomalib_vae import VAE, Autoencoder, DenoisingVAE, HierarchicalVAE, VAEImputer, load
from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.image import ImageLayout
from anomalib_vae.codec.table import TableCodec
from anomalib_vae.imputing.images.calibration import PixelCalibration
from anomalib_vae.imputing.images.filler import HiddenPixels
from anomalib_vae.imputing.images.local_residuals import local_residuals
from anomalib_vae.imputing.images.noise import PixelNoise
from anomalib_vae.losses.corruptions import BlockMask, Mask

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")

TRAINED, UNSEEN = slice(100), slice(100, None)
DENOISING = DenoisingVAE(**SMALL | {"max_epochs": 100, "channels": (8, 8)})


def with_gaps(images: np.ndarray, seed: int = 0) -> np.ndarray:
    """A quarter of the images lose a square, a quarter single pixels; the first is complete, the last is lost."""
    images, rng = images.astype(np.result_type(images, np.float32)), np.random.default_rng(seed)
    for image in images[1::4]:
        top, left = rng.integers(0, 5, 2)
        image[top : top + 4, left : left + 4] = np.nan
    images[2::4][rng.random(images[2::4].shape) < 0.4] = np.nan
    images[-1] = np.nan
    return images


def as_bytes() -> np.ndarray:
    return (255 * digits()).round().astype(np.uint8)


def in_colours(images: np.ndarray) -> np.ndarray:
    return np.stack([images, 0.5 * images, 1 - images], -1)


@pytest.fixture(scope="module")
def imputer():
    return VAEImputer(quick(VAE(**SMALL)), random_state=0).fit(with_gaps(digits()))


@pytest.fixture(scope="module")
def trained():
    return VAEImputer(clone(DENOISING), random_state=0).fit(digits()[TRAINED])


# ---------------------------------------------------------------------- transform
@pytest.mark.parametrize(
    ("model", "images"),
    [
        (DenoisingVAE, digits()),
        (HierarchicalVAE, digits()),
        (Autoencoder, digits()),
        (VAE, digits().astype(np.float32)),
        (VAE, in_colours(digits())[:, :7]),
        (VAE, 40 * digits() - 7),
    ],
    ids=["denoising", "hierarchical", "autoencoder", "float32", "colours", "range"],
)
def test_missing_pixels_are_filled_and_the_rest_is_untouched(model, images):
    gaps = with_gaps(images)
    gaps.setflags(write=False)
    filled = quick(VAEImputer(model(**SMALL))).fit(gaps).transform(gaps)
    assert filled.shape == gaps.shape
    assert filled.dtype == gaps.dtype
    assert filled is not gaps
    seen = ~np.isnan(gaps)
    assert filled[seen].tobytes() == gaps[seen].tobytes()
    assert images.min() - 1e-6 <= filled.min()
    assert filled.max() <= images.max() + 1e-6


def test_images_without_a_gap_come_back_as_a_copy(imputer):
    for images in (digits(), as_bytes()):
        filled = imputer.transform(images)
        assert filled.tobytes() == images.tobytes()
        assert filled.dtype == images.dtype
        assert not np.shares_memory(filled, images)


def test_one_image_is_filled_as_among_others(trained):
    gaps = with_gaps(digits())
    filled = trained.transform(gaps)
    for i in (1, 2, len(gaps) - 1):
        np.testing.assert_allclose(trained.transform(gaps[[i]])[0], filled[i], atol=1e-6)


def test_what_lies_in_missing_pixels_makes_no_difference(trained):
    marked = np.nan_to_num(with_gaps(digits()), nan=-9.0)
    by_marker = clone_fitted(trained).set_params(missing_values=-9.0).transform(marked)
    np.testing.assert_array_equal(by_marker, trained.transform(with_gaps(digits())))


def test_bytes_are_taught_and_floats_with_gaps_are_filled():
    imputer = quick(VAEImputer(VAE(**SMALL), random_state=0)).fit(as_bytes())
    gaps = with_gaps(as_bytes())
    filled = imputer.transform(gaps)
    assert filled.dtype == gaps.dtype
    assert (filled == np.rint(filled)).all()
    assert filled.min() >= 0
    assert filled.max() <= 255
    assert filled.max() > 100


@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
def test_a_marker_stands_for_missing_pixels_of_whole_numbers(dtype):
    marked = np.nan_to_num(with_gaps(np.minimum(as_bytes(), 200)), nan=255).astype(dtype)
    filled = quick(VAEImputer(VAE(**SMALL), missing_values=255, random_state=0)).fit_transform(marked)
    assert filled.dtype == dtype
    assert filled.max() <= 200
    assert (filled[marked != 255] == marked[marked != 255]).all()


def test_floats_of_whole_numbers_can_be_filled_with_such():
    gaps = with_gaps(as_bytes().astype(float))
    fitted = quick(VAEImputer(VAE(**SMALL), random_state=0)).fit(gaps)
    plain, whole = fitted.transform(gaps), clone_fitted(fitted).set_params(round_whole=True).transform(gaps)
    assert (plain != np.rint(plain)).any()
    np.testing.assert_array_equal(whole, np.rint(plain))


def clone_fitted(imputer):
    return pickle.loads(pickle.dumps(imputer))


# ---------------------------------------------------------------------- how well
@pytest.mark.parametrize("kind", ["square", "pixels"])
def test_it_is_better_than_the_mean(trained, kind):
    truth, rng = digits()[UNSEEN], np.random.default_rng(1)
    holes = np.zeros(truth.shape, bool)
    holes[:, 2:6, 2:6] = True
    holes = holes if kind == "square" else rng.random(truth.shape) < 0.3
    off = (trained.transform(np.where(holes, np.nan, truth)) - truth)[holes]
    off_by_mean = (digits()[TRAINED].mean(0) - truth)[holes]
    assert np.mean(off**2) < 0.9 * np.mean(off_by_mean**2)


def test_models_are_shown_images_with_regions_missing():
    def corruption(model, X):
        return VAEImputer(model)._model_for(X).corruption

    for model in (None, VAE(), DenoisingVAE()):
        assert corruption(model, digits()) == "block_mask"
    assert corruption(VAE(corruption="gaussian"), digits()) == "gaussian"
    assert corruption(VAE(corruption=Mask()), digits()) == Mask()
    assert corruption(None, few_columns()) == "mask"
    assert quick(VAEImputer(VAE(**SMALL))).fit(digits()).model_.corruption == "block_mask"


def test_a_model_that_never_saw_a_gap_is_searched_for_codes():
    truth = digits()[UNSEEN]
    holes = np.random.default_rng(1).random(truth.shape) < 0.4
    model = Autoencoder(**SMALL | {"max_epochs": 100}, latent_dim=16).fit(digits()[TRAINED])
    imputer = VAEImputer(FrozenEstimator(model), random_state=0).fit(digits()[TRAINED])
    assert imputer.model_.corruption is None
    assert imputer.completion_.filler.search is not None
    off = (imputer.transform(np.where(holes, np.nan, truth)) - truth)[holes]
    as_black = (model.reconstruct(np.where(holes, np.nan, truth)) - truth)[holes]
    assert np.mean(off**2) < 0.8 * np.mean(as_black**2)


# ---------------------------------------------------------------------- uncertainty
def test_intervals_are_two_stacks(imputer):
    gaps = with_gaps(digits())
    found, filled = imputer.intervals(gaps), imputer.transform(gaps)
    assert set(found) == {"low", "high"}
    for bound in found.values():
        assert bound.shape == gaps.shape
        assert (np.isnan(bound) == ~np.isnan(gaps)).all()
    missing = np.isnan(gaps)
    assert (found["low"] <= found["high"])[missing].all()
    narrow = imputer.intervals(gaps, 0.5)
    assert (found["low"] <= narrow["low"])[missing].all()
    assert (narrow["high"] <= found["high"])[missing].all()
    assert np.mean((found["low"] <= filled) & (filled <= found["high"]), where=missing) > 0.9


def test_intervals_cover_what_they_say():
    images = digits()
    imputer = VAEImputer(clone(DENOISING), calibration_fraction=0.4, random_state=0).fit(images[:120])
    holes = np.random.default_rng(1).random(images[120:].shape) < 0.3
    found = imputer.intervals(np.where(holes, np.nan, images[120:]), 0.8)
    covered = np.mean((found["low"] <= images[120:]) & (images[120:] <= found["high"]), where=holes)
    assert 0.72 < covered < 0.92


def test_draws_differ_come_again_and_scatter_around_the_fill(trained):
    gaps = with_gaps(digits())
    missing = np.isnan(gaps)
    draws = np.stack(trained.sample_imputations(gaps, m=30))
    assert draws.shape == (30, *gaps.shape)
    assert (draws[:, ~missing] == gaps[~missing]).all()
    assert (draws[0] != draws[1])[missing].mean() > 0.5
    np.testing.assert_array_equal(trained.sample_imputations(gaps, m=2), draws[:2])
    assert abs((draws.mean(0) - trained.transform(gaps))[missing].mean()) < 0.03
    found = trained.intervals(gaps, 0.8)
    inside = (found["low"] <= draws) & (draws <= found["high"])
    assert inside[:, missing].mean() == pytest.approx(0.8, abs=0.1)


def test_draws_need_calibration():
    model = quick(VAE(**SMALL)).fit(digits())
    imputer = VAEImputer(model, random_state=0)
    imputer.relearn({"model": model})
    assert np.isfinite(imputer.transform(with_gaps(digits()))).all()
    with pytest.raises(NotFittedError, match="not calibrated"):
        imputer.intervals(with_gaps(digits()))


def test_the_noise_hangs_together_as_what_it_learned_from():
    rng, grid = np.random.default_rng(0), (6, 5, 2)
    white = rng.standard_normal((400, 7, 5))
    grey = (white[:, 1:] + white[:, :-1]) / np.sqrt(2)  # each row half the next
    scores = np.stack([grey, 0.6 * grey + 0.8 * rng.standard_normal(grey.shape)], -1).reshape(400, -1)
    hidden = rng.random(scores.shape) < 0.5
    drawn = PixelNoise.fit(np.where(hidden, scores, 0.0), hidden.astype(float), grid).draw(4000, rng).reshape(-1, *grid)
    assert drawn.std() == pytest.approx(1, abs=0.02)
    assert np.mean(drawn[:, 1:] * drawn[:, :-1]) == pytest.approx(0.34, abs=0.05)  # .5 and .5 * .6²
    assert np.mean(drawn[:, :, 1:] * drawn[:, :, :-1]) == pytest.approx(0, abs=0.04)
    assert np.mean(drawn[..., 0] * drawn[..., 1]) == pytest.approx(0.6, abs=0.05)


def test_residuals_are_told_by_prediction_and_support():
    rng = np.random.default_rng(0)
    predictions, support = rng.random((200, 30)), rng.choice([0.0, 0.5], (200, 30))
    residuals = rng.standard_normal((200, 30)) * np.where(support > 0, 0.1, 1.0) * (0.5 + predictions)
    calibration = PixelCalibration.fit(residuals, predictions, support, residuals < 9, (6, 5, 1))
    again = PixelCalibration.from_state(calibration.state())
    for where, scale in (((0.05, 0.0), 0.55), ((0.95, 0.0), 1.45), ((0.95, 0.5), 0.145)):
        at = [np.array([[part]]) for part in where]
        assert calibration.quantile(0.9, *at) == pytest.approx(1.28 * scale, rel=0.25)
        assert again.quantile(0.9, *at) == calibration.quantile(0.9, *at)


def test_local_residuals_are_those_of_the_neighbours():
    observed = np.ones((1, 5, 5), bool)
    observed[0, 2, 2] = False
    observed[0, :, 4] = False
    residuals = np.where(observed, 0.3, 99.0)
    found, support = (part.reshape(5, 5) for part in local_residuals(*_flat(residuals, observed), (5, 5, 1)))
    assert 0.2 < found[2, 2] < 0.3
    assert 0 < found[2, 4] < found[2, 2]
    assert support[2, 4] < support[2, 2] < support[1, 1] <= 1


def _flat(*images):
    return [part.reshape(len(part), -1) for part in images]


# ---------------------------------------------------------------------- corruption
def test_block_masks_hide_rectangles_or_single_pixels():
    layout = ImageLayout.of((9, 7, 2), 0.3)
    whole = Batch.complete(torch.ones(2, 600, layout.width))
    seen = BlockMask(smallest=0.3, largest=0.8, rate=0.5)(whole, layout, torch.Generator().manual_seed(0))
    assert torch.equal(seen.values, seen.observed)
    hidden = seen.observed.reshape(1200, 9, 7, 2).numpy() == 0
    is_block = np.array(
        [(one == one.any((1, 2), keepdims=True) & one.any((0, 2), keepdims=True)).all() for one in hidden]
    )
    assert is_block.mean() == pytest.approx(0.5, abs=0.06)
    heights = hidden[is_block].any((2, 3)).sum(1)
    assert np.quantile(heights, 0.1) >= 2
    assert heights.max() <= 8
    assert hidden[is_block].any(0).all()  # every pixel can be lost
    assert hidden[~is_block].mean() == pytest.approx(0.25, abs=0.03)


def test_block_masks_hide_cells_of_tables():
    codec = TableCodec.fit(few_columns())
    batch = codec.encode(few_columns()).for_members(1)
    one, other = (mask(batch, codec.layout, torch.Generator().manual_seed(0)) for mask in (BlockMask(), Mask()))
    assert torch.equal(one.observed, other.observed)


def test_pixels_are_hidden_as_training_has_gaps():
    images = digits()
    images[::2, :, :4] = np.nan
    codec = quick(VAE(**SMALL)).fit(images).codec_
    pixels = HiddenPixels.of(codec.encode(images), codec.layout, np.random.default_rng(0))
    assert not pixels.hidden[::2, np.arange(64) % 8 < 4].any()
    as_others = pixels.hidden.reshape(-1, 8, 8)[1::2] == (np.arange(8) < 4)
    assert 0.3 < as_others.all((1, 2)).mean() < 0.7


# ---------------------------------------------------------------------- contract
def test_saving_and_pickling_keep_results(imputer, tmp_path):
    gaps = with_gaps(digits())
    imputer.save(tmp_path)
    for again in (load(tmp_path), clone_fitted(imputer)):
        np.testing.assert_array_equal(again.transform(gaps), imputer.transform(gaps))
        np.testing.assert_array_equal(again.sample_imputations(gaps, m=2), imputer.sample_imputations(gaps, m=2))
        np.testing.assert_array_equal(again.intervals(gaps)["low"], imputer.intervals(gaps)["low"])
        assert again.columns_with_gaps_ == imputer.columns_with_gaps_
        assert again.n_features_in_ == 64


def test_what_is_searched_for_is_saved(tmp_path):
    model = Autoencoder(**SMALL | {"max_epochs": 30}, latent_dim=16).fit(digits())
    imputer = VAEImputer(FrozenEstimator(model), random_state=0).fit(digits())
    assert imputer.completion_.filler.search is not None
    imputer.save(tmp_path)
    gaps = with_gaps(digits())
    np.testing.assert_array_equal(load(tmp_path).transform(gaps), imputer.transform(gaps))


def test_a_pipeline_fills_images():
    gaps = with_gaps(digits())
    pipeline = make_pipeline(FunctionTransformer(lambda images: images / 2), quick(VAEImputer(VAE(**SMALL))))
    filled = pipeline.fit_transform(gaps)
    assert filled.shape == gaps.shape
    assert np.isfinite(filled).all()


def test_a_copy_fitted_to_a_table_before_gives_the_same_images(imputer):
    again = clone(imputer)
    assert not hasattr(again, "model_")
    assert again.fit(few_columns()).transform(few_columns()).equals(few_columns())
    gaps = with_gaps(digits())
    np.testing.assert_array_equal(again.fit(gaps).transform(gaps), imputer.transform(gaps))


# ---------------------------------------------------------------------- errors
@pytest.mark.parametrize(
    "parameters",
    [
        {"only": ("pixel_0_0",)},
        {"exclude": (3,)},
        {"bounds": {"pixel_0_0": (0, 1)}},
        {"delta": {0: 1.0}},
        {"add_indicator": True},
        {"keep_empty_features": False},
        {"missing_values": "?"},
    ],
    ids=lambda parameters: next(iter(parameters)),
)
def test_what_speaks_of_columns_is_refused(imputer, parameters):
    name = next(iter(parameters))
    for verb in (clone(imputer).fit, clone_fitted(imputer).transform):
        verb.__self__.set_params(**parameters)
        with pytest.raises(ValueError, match=rf"VAEImputer\.{name} .* stack of images"):
            verb(digits())


def test_pixels_have_no_probabilities(imputer):
    with pytest.raises(ValueError, match="intervals and sample_imputations"):
        imputer.probabilities(with_gaps(digits()))


@pytest.mark.parametrize("X", [digits()[0], digits().reshape(-1, 64), digits()[:, :7], digits()[:, :, :1]])
def test_other_shapes_than_in_training_are_refused(imputer, X):
    with pytest.raises(ValueError, match=r"images of the shape \(n, 8, 8\) as in training"):
        imputer.transform(X)


def test_an_imputer_of_tables_refuses_images():
    imputer = quick(VAEImputer(VAE(**SMALL))).fit(few_columns())
    with pytest.raises(ValueError, match="X must be a table of 4 columns as in training, got images"):
        imputer.transform(digits())


def test_a_level_must_be_a_probability(imputer):
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        imputer.intervals(with_gaps(digits()), 95)
