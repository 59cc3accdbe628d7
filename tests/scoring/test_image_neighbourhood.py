"""Distances between images: what they see, what they forgive, and that they are a part of a detector's score."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cases import SMALL
from data import digits, few_columns
from sklearn.frozen import FrozenEstimator

import anomalib_vae
from anomalib_vae import VAE, AnomalyDetector, Autoencoder
from anomalib_vae.codec.image import ImageCodec
from anomalib_vae.scoring.image_neighbourhood import NEAREST, ImageNeighbourhood, ImageView
from anomalib_vae.scoring.image_space import COLOUR_CELLS, DIRECTIONS, EDGE_CELLS, LARGEST, ImageSpace
from anomalib_vae.scoring.neighbourhood import Neighbourhood

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")

QUICK = SMALL | {"max_epochs": 1}


def measured(images: np.ndarray, training: np.ndarray | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Edges and colours of images, in a space fitted to the training images, or to themselves."""
    training = images if training is None else training
    codec = ImageCodec.fit(training)
    return ImageSpace.fit(codec.encode(training), codec.layout.grid)(codec.encode(images))


def bars(angle: float, side: int = 28) -> np.ndarray:
    """One image, dark on one side of a line through its middle and bright on the other, (1, side, side)."""
    down, right = np.mgrid[:side, :side] - (side - 1) / 2
    return 1 / (1 + np.exp(-2 * (right * np.cos(angle) + down * np.sin(angle))))[None]


def with_gaps() -> np.ndarray:
    images = digits()
    images[::3, :, 5:] = np.nan
    return images


def coloured() -> np.ndarray:
    """Digits, each in one of three colours: (150, 8, 8, 3)."""
    return (
        digits()[..., None]
        * np.array([[1.0, 0.2, 0.2], [0.2, 1.0, 0.2], [0.2, 0.2, 1.0]])[np.arange(150) % 3, None, None]
    )


# ---------------------------------------------------------------- the space
@pytest.mark.parametrize("eighth", range(DIRECTIONS))
def test_an_edge_counts_for_its_direction(eighth):
    image = bars(2 * np.pi * eighth / DIRECTIONS)
    edges = measured(image, np.concatenate([image, bars(1.0)]))[0].view(DIRECTIONS, EDGE_CELLS, EDGE_CELLS)
    middle = edges[:, EDGE_CELLS // 2, EDGE_CELLS // 2]
    assert middle.argmax() == eighth
    assert middle[(eighth + 4) % DIRECTIONS] < 0.01 * middle.max()


def test_what_moves_a_little_is_nearer_than_something_else():
    images = np.zeros((3, 28, 28))
    images[0, 6:22, 10:12] = images[1, 6:22, 12:14] = images[2, 13:15, 6:22] = 1.0
    edges = measured(images)[0]
    moved, turned = (edges[1:] - edges[0]).norm(dim=1)
    assert moved < 0.5 * turned
    pixels = images.reshape(3, -1)
    assert np.linalg.norm(pixels[1] - pixels[0]) >= np.linalg.norm(pixels[2] - pixels[0])


def test_edges_forget_the_level_and_colours_do_not():
    dark, light = 0.5 * digits(), 0.5 * digits() + 0.3
    training = np.concatenate([dark, light])
    (dark_edges, dark_colours), (light_edges, light_colours) = (measured(images, training) for images in (dark, light))
    torch.testing.assert_close(dark_edges, light_edges, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(light_colours - dark_colours, torch.full_like(dark_colours, 0.3), atol=1e-6, rtol=0)


def test_the_strength_of_an_edge_counts_less_than_its_being_there():
    whole, half, nothing = measured(np.concatenate([bars(0.0), 0.5 * bars(0.0), 0 * bars(0.0)]))[0]
    assert (whole - half).norm() < 0.3 * (half - nothing).norm()


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (1, 9), (28, 28), (70, 40), (6, 5, 3), (8, 8, 1)])
def test_images_of_any_size_are_measured(shape):
    images = np.random.default_rng(0).random((5, *shape))
    height, width, channels = (*shape, 1)[:3]
    edges, colours = measured(images)
    assert edges.shape == (5, DIRECTIONS * min(height, EDGE_CELLS) * min(width, EDGE_CELLS))
    assert colours.shape == (5, channels * min(height, COLOUR_CELLS) * min(width, COLOUR_CELLS))
    assert edges.isfinite().all()
    assert colours.isfinite().all()


def test_large_images_are_measured_as_the_mean_of_their_pixels():
    small = np.random.default_rng(0).random((4, LARGEST, LARGEST))
    for one, other in zip(measured(np.kron(small, np.ones((3, 3)))), measured(small), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-6)


def test_a_single_channel_is_a_grey_image():
    for one, other in zip(measured(digits()[..., None]), measured(digits()), strict=True):
        assert torch.equal(one, other)


def test_a_few_missing_pixels_change_little():
    whole, holed = digits(), digits()
    holed[np.random.default_rng(0).random(holed.shape) < 0.05] = np.nan
    for known, found in zip(measured(whole), measured(holed, whole), strict=True):
        away = (found - known).norm(dim=1).median()
        assert 0 < away < 0.35 * torch.cdist(known, known).median()


def test_an_image_without_a_known_pixel_is_as_usual():
    found = measured(np.full((1, 8, 8), np.nan), digits())
    for usual, empty in zip(measured(digits()), found, strict=True):
        torch.testing.assert_close(empty[0], usual.mean(0))


def test_what_lies_in_missing_pixels_does_not_count():
    codec = ImageCodec.fit(with_gaps())
    rows = codec.encode(with_gaps())
    space = ImageSpace.fit(rows, codec.layout.grid)
    other = type(rows)(rows.values + 7 * (1 - rows.observed), rows.observed)
    for one, two in zip(space(rows), space(other), strict=True):
        torch.testing.assert_close(one, two)


# ---------------------------------------------------------------- a view
def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_distances_are_those_of_ridge_regression():
    from sklearn.linear_model import Ridge

    references, row = noise(40, 6), noise(1, 6, seed=1)
    near = references[(references - row).norm(dim=1).argsort()[:NEAREST]]
    spokes = (near - near.mean(0)).numpy()
    penalty = 3.0 * np.square(spokes).sum(1).mean()
    offset = (row - near.mean(0)).numpy()[0]
    fitted = Ridge(penalty, fit_intercept=False).fit(spokes.T, offset)
    expected = np.linalg.norm(offset - fitted.predict(spokes.T))
    assert ImageView.fit(references).distances(row).item() == pytest.approx(expected, rel=1e-5)


def test_an_image_is_no_neighbour_of_itself_but_its_copies_are():
    references = noise(60, 6)
    view = ImageView.fit(references)
    without = torch.stack(
        [ImageView(references[torch.arange(60) != i], *noise(2)).distances(references[[i]])[0] for i in range(3)]
    )
    torch.testing.assert_close(view.distances(references[:3]), without)
    twice = ImageView.fit(torch.cat([references, references[:1].expand(2 * NEAREST, -1)]))
    assert twice.distances(references[:1]).item() == pytest.approx(0.0, abs=1e-6)


def test_half_of_all_references_lie_beyond_the_median():
    excess = ImageView.fit(noise(201, 4)).excess(noise(201, 4))
    assert (excess > 0).sum() == 100
    assert torch.quantile(excess, 0.75) - torch.quantile(excess, 0.25) == pytest.approx(1.0)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_references_are_enough(count):
    excess = ImageView.fit(noise(count, 4)).excess(noise(5, 4, seed=1))
    assert excess.isfinite().all()
    assert bool(excess.any()) == (count > 1)


def test_a_few_anomalies_among_the_references_do_not_vouch_for_others():
    """Half a dozen stripes among digits, and stripes that none of them is the same as."""
    stripes = np.zeros((12, 8, 8))
    stripes[:, 1::2] = np.random.default_rng(0).uniform(0.6, 1.0, (12, 1, 1))
    stripes += np.random.default_rng(1).uniform(0.0, 0.2, stripes.shape)
    codec = ImageCodec.fit(digits())
    images = np.concatenate([digits(), stripes[:6]])
    near = ImageNeighbourhood.of_references(codec.encode(images), codec.layout.grid, torch.tensor([3.0, 1.0]).double())
    assert len(near.views[0].references) == len(near.views[1].references) == 141  # nine of ten
    others, all_of_them = codec.encode(stripes[6:]), near.space(codec.encode(images))
    credulous = ImageNeighbourhood(near.space, tuple(map(ImageView.fit, all_of_them)), near.nats)
    assert near.remoteness(others).min() > near.remoteness(codec.encode(digits())).max()
    assert near.remoteness(others).min() > credulous.remoteness(others).max()


# ---------------------------------------------------------------- the detector
def detector(images: np.ndarray, **parameters) -> AnomalyDetector:
    return AnomalyDetector(VAE(**QUICK), **parameters).fit(images)


@pytest.mark.parametrize(
    "images", [digits(), with_gaps(), coloured(), digits()[..., None]], ids=["grey", "gaps", "colours", "axis"]
)
def test_an_image_is_scored_regardless_of_the_others_and_of_how_it_was_saved(images, tmp_path):
    fitted = detector(images)
    scores = fitted.score_samples(images)
    assert np.isfinite(scores).all()
    alone = np.concatenate([fitted.score_samples(images[[i]]) for i in range(0, len(images), 25)])
    np.testing.assert_allclose(alone, scores[::25], atol=1e-6)
    again = anomalib_vae.load(fitted.save(tmp_path) and tmp_path)
    assert isinstance(again.neighbourhood_, ImageNeighbourhood)
    np.testing.assert_array_equal(again.score_samples(images), scores)
    np.testing.assert_array_equal(detector(images).score_samples(images), scores)
    assert fitted.model_.column_scores(images).shape == images.shape


def test_the_weight_scales_the_distances():
    model = FrozenEstimator(VAE(**QUICK).fit(digits()))
    once, twice, never = (AnomalyDetector(model, neighbour_weight=w).fit(digits()) for w in (1.0, 2.0, 0.0))
    assert never.neighbourhood_ is None
    plain = never.score_samples(digits())
    np.testing.assert_allclose(
        twice.score_samples(digits()) - plain, 2 * (once.score_samples(digits()) - plain), rtol=1e-9
    )


@pytest.mark.parametrize("model", [VAE, Autoencoder])
def test_other_digits_are_less_normal(model):
    """Threes are learned, all other digits are odd: a model of a few steps alone tells them less well."""
    from sklearn.datasets import load_digits
    from sklearn.metrics import roc_auc_score

    images, labels = load_digits(return_X_y=True)
    images, is_three = images.reshape(-1, 8, 8) / 16, labels == 3
    fitted = AnomalyDetector(model(**QUICK), random_state=0).fit(images[is_three][:120])
    rest = np.concatenate([images[is_three][120:], images[~is_three][:300]])
    is_normal = np.arange(len(rest)) < is_three.sum() - 120
    assert roc_auc_score(is_normal, fitted.score_samples(rest)) > 0.97
    assert roc_auc_score(is_normal, fitted.model_.score_samples(rest)) < 0.95


def test_a_wrong_colour_is_odd():
    images = coloured()
    fitted = detector(images[:120])
    wrong = images[120:, ..., [0, 0, 0]]  # all channels alike: grey, which was never seen
    assert fitted.score_samples(wrong).mean() < np.quantile(fitted.score_samples(images[120:]), 0.05)


def test_tiny_images_are_told_apart():
    bright = np.random.default_rng(0).normal(0.8, 0.05, (60, 4, 4))
    fitted = detector(bright[:50], calibration_fraction=0.3)
    odd = bright[50:].copy()
    odd[:, 1:3, 1:3] = 0.0
    assert (fitted.predict(odd) == -1).all()
    assert (fitted.pvalues(odd) < 0.1).all()


def test_images_that_are_all_the_same_are_scored():
    same = np.full((20, 6, 6), 0.5)
    fitted = detector(same)
    assert np.isfinite(fitted.score_samples(same)).all()
    assert fitted.score_samples(bars(0.3, 6)) < fitted.score_samples(same).min()


def test_known_anomalies_lower_the_score_of_images_like_them():
    images = digits()
    odd = images[140:] * 0.2
    labels = np.r_[np.zeros(140), -np.ones(10)]
    fitted = AnomalyDetector(VAE(**QUICK)).fit(np.concatenate([images[:140], odd]), labels)
    assert (fitted.score_samples(odd) < np.median(fitted.score_samples(images[:140]))).all()


def test_tables_keep_their_own_neighbourhood():
    assert isinstance(detector(few_columns()).neighbourhood_, Neighbourhood)


def test_detectors_saved_before_still_load(tmp_path):
    """Images had the distances of tables."""
    from anomalib_vae.scoring import neighbourhood

    fitted = detector(digits())
    fitted.neighbourhood_ = neighbourhood.around(fitted.model_, digits(), 1.0)
    again = anomalib_vae.load(fitted.save(tmp_path) and tmp_path)
    assert isinstance(again.neighbourhood_, Neighbourhood)
    np.testing.assert_array_equal(again.score_samples(digits()), fitted.score_samples(digits()))
