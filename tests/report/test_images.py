"""Pictures of images show what they say they show."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cases import SMALL
from data import digits, few_columns
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator

from anomalib_vae import VAE, AnomalyDetector, ConditionalVAE, report
from anomalib_vae.report.tiles import MISSING, colours, in_rows, mosaic

DRAWN = {
    "reconstructions": lambda model: report.reconstructions(model, few_columns()),
    "samples": report.samples,
    "samples_over_time": report.samples_over_time,
    "interpolations": lambda model: report.interpolations(model, [(digits()[0], digits()[1])]),
    "latent_manifold": report.latent_manifold,
}


def as_bytes() -> np.ndarray:
    return (255 * digits()).round().astype(np.uint8)


def sheet_of(figure) -> np.ndarray:
    """The mosaic that a figure shows."""
    (image,) = figure.axes[0].images
    return np.asarray(image.get_array())


def names(figure) -> tuple[list[str], list[str], str]:
    """Of the rows and of the columns, and the note."""
    axes = figure.axes[0]
    ticks = axes.get_yticklabels(), axes.get_xticklabels()
    return *([text.get_text() for text in texts] for texts in ticks), axes.get_xlabel()


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_a_model_of_tables_is_refused(draw, of_table):
    with pytest.raises(ValueError, match="shows images, and VAE was fitted to a table: fit it to an array of shape"):
        draw(of_table)


@pytest.mark.parametrize("draw", [*DRAWN.values(), report.training_curves], ids=[*DRAWN, "training_curves"])
def test_unfitted_models_and_those_from_elsewhere_are_refused(draw):
    with pytest.raises(NotFittedError, match="VAE instance is not fitted"):
        draw(VAE())
    with pytest.raises(TypeError, match="must be one of anomalib_vae, got a PCA"):
        draw(PCA(2).fit(few_columns()))


# ------------------------------------------------------------------ reconstructions
def test_originals_stand_above_their_reconstructions(of_bytes):
    images = as_bytes()[:5]
    figure = report.reconstructions(of_bytes, images)
    expected = [colours(of_bytes.codec_, part) for part in (images, of_bytes.reconstruct(images))]
    np.testing.assert_allclose(sheet_of(figure), mosaic(np.stack(expected)))
    assert names(figure) == (["original", "reconstruction"], [], "")


def test_more_images_than_fit_are_thinned_and_the_picture_says_so(of_bytes):
    figure = report.reconstructions(of_bytes, as_bytes())
    assert sheet_of(figure).shape == (2 * 9 - 1, 12 * 9 - 1, 3)
    np.testing.assert_allclose(sheet_of(figure)[:8, -8:, 0], as_bytes()[-1] / 255)
    assert names(figure)[2] == "12 of 150 images"


def test_colour_images_are_drawn_in_colour_and_missing_pixels_are_seen(of_colours):
    images = np.stack([digits(), digits() ** 2, digits()[::-1]], -1)[:4, :7]
    images[0, 2:4, 3] = np.nan
    sheet = sheet_of(report.reconstructions(of_colours, images, heat_map=True))
    assert sheet.shape == (3 * 8 - 1, 4 * 9 - 1, 3)
    np.testing.assert_allclose(sheet[:7, 9:17], images[1])
    np.testing.assert_allclose(sheet[2:4, 3], [MISSING, MISSING])


def test_the_heat_map_is_darkest_where_a_pixel_is_least_expected(of_plane):
    images = digits()[:3]
    images[1, 0, 0] = 1.0  # corners are black
    assert np.unravel_index(of_plane.column_scores(images).argmin(), (3, 8, 8)) == (1, 0, 0)
    figure = report.reconstructions(of_plane, images, heat_map=True)
    heat = sheet_of(figure)[18:].sum(-1)
    assert heat[0, 9] == heat.min()
    assert names(figure)[0][-1] == "heat map"
    assert figure.axes[1].get_xlabel().startswith("part of the score [nats]")


def test_images_of_another_shape_are_refused(of_bytes):
    for wrong in (as_bytes()[:, :5], as_bytes()[0], few_columns()):
        with pytest.raises(ValueError, match="must be images of the shape"):
            report.reconstructions(of_bytes, wrong)
    with pytest.raises(ValueError, match="a minimum of 1"):
        report.reconstructions(of_bytes, as_bytes()[:0])


def test_a_role_is_drawn_as_its_model(of_bytes):
    detector = AnomalyDetector(FrozenEstimator(of_bytes)).fit(as_bytes())
    sheets = [sheet_of(report.reconstructions(model, as_bytes())) for model in (detector, of_bytes)]
    np.testing.assert_array_equal(*sheets)


# ------------------------------------------------------------------ samples
def test_samples_stand_on_a_square_grid(of_bytes):
    assert sheet_of(report.samples(of_bytes)).shape == (8 * 9 - 1, 8 * 9 - 1, 3)
    assert sheet_of(report.samples(of_bytes, 7)).shape == (3 * 9 - 1, 3 * 9 - 1, 3)
    figure = report.samples(of_bytes, 1000)
    assert sheet_of(figure).shape == (12 * 9 - 1, 12 * 9 - 1, 3)
    assert names(figure)[2] == "144 of 1,000 samples"


def test_with_noise_they_are_what_sample_gives(of_bytes):
    expected = mosaic(in_rows(colours(of_bytes.codec_, of_bytes.sample(9)), 3))
    np.testing.assert_allclose(sheet_of(report.samples(of_bytes, 9, noise=True)), expected)


def test_without_noise_they_are_smoother_and_the_same_each_time(of_plane):
    def roughness(sheet):
        return np.abs(np.diff(sheet, axis=0)).mean()

    plain, again = (sheet_of(report.samples(of_plane, 16)) for _ in range(2))
    np.testing.assert_array_equal(plain, again)
    assert roughness(plain) < roughness(sheet_of(report.samples(of_plane, 16, noise=True)))


def test_autoencoders_are_sampled_too(of_colours):
    expected = mosaic(in_rows(colours(of_colours.codec_, of_colours.sample(4)), 2))
    np.testing.assert_allclose(sheet_of(report.samples(of_colours, 4)), expected)


@pytest.fixture(scope="module")
def of_classes():
    model = ConditionalVAE(**SMALL | {"n_members": 1, "max_epochs": 6}, latent_dim=2, prior="normal")
    return model.fit(digits(), np.where(np.arange(150) % 2, "odd", "even"))


@pytest.mark.filterwarnings("ignore:posterior collapse")
def test_a_conditional_model_has_a_row_for_each_class(of_classes):
    figure = report.samples(of_classes, 3, noise=True)
    rows = [colours(of_classes.codec_, of_classes.sample(3, y=label)) for label in ("even", "odd")]
    np.testing.assert_allclose(sheet_of(figure), mosaic(np.stack(rows)))
    assert names(figure)[0] == ["even", "odd"]
    figure = report.samples(of_classes, 50, y="odd")
    assert sheet_of(figure).shape == (8, 12 * 9 - 1, 3)
    assert names(figure) == (["odd"], [], "12 of 50 samples of each class")


@pytest.mark.filterwarnings("ignore:posterior collapse")
def test_without_noise_the_rows_of_a_conditional_model_are_of_the_same_codes_in_each_class(of_classes):
    sheet = sheet_of(report.samples(of_classes))
    assert sheet.shape == (2 * 9 - 1, 10 * 9 - 1, 3)
    z = of_classes.network_.new_codes(10, torch.Generator().manual_seed(of_classes._seed()))[0, :, :2].numpy()
    for row, label in ((sheet[:8], [1.0, 0.0]), (sheet[9:], [0.0, 1.0])):
        images = of_classes.inverse_transform(np.hstack([z, np.tile(label, (10, 1))]))
        np.testing.assert_allclose(row, mosaic(colours(of_classes.codec_, images)[None]), atol=1e-9)


@pytest.mark.filterwarnings("ignore:posterior collapse")
def test_the_rows_of_classes_come_from_the_priors_that_they_have(of_classes):
    model = clone(of_classes).set_params(prior="aggregate", max_epochs=1)
    model.fit(digits(), np.arange(150) % 2)
    sheet, network = sheet_of(report.samples(model)), model.network_
    for row, label in ((sheet[:8], [1.0, 0.0]), (sheet[9:], [0.0, 1.0])):
        labels = torch.tensor(label, dtype=torch.float64).expand(10, 2)
        code = network.new_codes(10, torch.Generator().manual_seed(model._seed()), labels)
        images = model.inverse_transform(code[0].numpy())
        np.testing.assert_allclose(row, mosaic(colours(model.codec_, images)[None]), atol=1e-9)


def test_classes_and_counts_that_make_no_sense_are_refused(of_bytes, of_classes):
    with pytest.raises(ValueError, match="y must be None: VAE knows no classes"):
        report.samples(of_bytes, y=3)
    with pytest.raises(ValueError, match=r"y must be one of \['even', 'odd'\], got 'prime'"):
        report.samples(of_classes, y=["odd", "prime"])
    with pytest.raises(ValueError, match="n must be a whole number, at least 1"):
        report.samples(of_bytes, 0)


# ------------------------------------------------------------------ interpolations
def test_interpolations_stand_between_the_two_images(of_bytes):
    images = as_bytes()
    figure = report.interpolations(of_bytes, [(images[0], images[1]), (images[2], images[3])], steps=3)
    between = of_bytes.interpolate(images[2], images[3], 3)
    expected = colours(of_bytes.codec_, np.concatenate([images[2:3], between, images[3:4]]))
    np.testing.assert_allclose(sheet_of(figure)[9:], mosaic(expected[None]))
    assert names(figure) == ([], ["from", "0%", "50%", "100%", "to"], "")


def test_many_pairs_are_thinned(of_bytes):
    figure = report.interpolations(of_bytes, as_bytes()[:40].reshape(20, 2, 8, 8), steps=2)
    assert sheet_of(figure).shape == (10 * 9 - 1, 4 * 9 - 1, 3)
    assert names(figure)[2] == "10 of 20 pairs"


def test_what_is_no_pair_or_no_number_of_steps_is_refused(of_bytes):
    images = as_bytes()
    for wrong in (images[:2], images[:3][None], images[:2, :5][None], []):
        with pytest.raises(ValueError, match=r"pairs must be pairs of images, of the shape \(n, 2, 8, 8\)"):
            report.interpolations(of_bytes, wrong)
    with pytest.raises(ValueError, match="steps must be a whole number, at least 2"):
        report.interpolations(of_bytes, images[:2][None], steps=1)
    with pytest.raises(ValueError, match="steps must be at most 20"):
        report.interpolations(of_bytes, images[:2][None], steps=21)


# ------------------------------------------------------------------ manifold
def test_the_manifold_is_decoded_at_normal_quantiles_from_the_bottom_up(of_plane):
    figure = report.latent_manifold(of_plane, 3)
    z = 0.9674216  # the quantile 5/6
    corners = of_plane.inverse_transform([[-z, z], [z, z], [-z, -z]])
    sheet = sheet_of(figure)
    for corner, tile in zip(corners, (sheet[:8, :8], sheet[:8, -8:], sheet[-8:, :8]), strict=True):
        np.testing.assert_allclose(tile[..., 0], corner, atol=1e-6)
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["-0.97", "0.00", "0.97"]
    lower, *_, upper = figure.axes[0].get_yticks()
    assert lower > upper  # rows are counted from the top


def test_the_manifold_of_an_autoencoder_spans_its_codes(of_colours):
    network = of_colours.network_
    z = np.array([-0.6744898, -0.6744898])  # the quantile 1/4
    code = network.code_mean[0, 0].numpy() + network.code_factor[0].numpy() @ z
    expected = colours(of_colours.codec_, of_colours.inverse_transform(code[None]))[0]
    np.testing.assert_allclose(sheet_of(report.latent_manifold(of_colours, 2))[-7:, :8], expected, atol=1e-6)


def test_other_codes_and_sizes_have_no_manifold(of_bytes, of_plane):
    with pytest.raises(ValueError, match="has 64 dimensions of 2 members: fit it with latent_dim=2 and n_members=1"):
        report.latent_manifold(of_bytes)
    with pytest.raises(ValueError, match="size must be a whole number, at least 2"):
        report.latent_manifold(of_plane, 1)
    with pytest.raises(ValueError, match="size must be at most 40"):
        report.latent_manifold(of_plane, 41)


def test_the_manifold_of_a_conditional_model_is_that_of_a_class(of_classes):
    figure = report.latent_manifold(of_classes, 2, y="odd")
    code = [[-0.6744898, -0.6744898, 0.0, 1.0]]
    expected = colours(of_classes.codec_, of_classes.inverse_transform(code))[0]
    np.testing.assert_allclose(sheet_of(figure)[-8:, :8], expected, atol=1e-6)
    with pytest.raises(ValueError, match=r"y must be the class to draw, one of \['even', 'odd'\]"):
        report.latent_manifold(of_classes)
