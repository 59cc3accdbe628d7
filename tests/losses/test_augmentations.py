"""Augmentations make other rows of training rows, whenever these are drawn, and leave what is missing alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from cases import SMALL, quick
from data import digits, few_columns

from anomalib_vae import VAE, Autoencoder, StackedAutoencoder, load
from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.image import ImageCodec
from anomalib_vae.losses.augmentations import Augmented, Binarize
from anomalib_vae.training.callbacks import Callback

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")

OF_PIXELS = {**SMALL, "likelihood": "bernoulli", "backbone": "dense"}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def gray_with_holes() -> np.ndarray:
    images = digits()
    images[np.random.default_rng(0).random(images.shape) < 0.2] = np.nan
    return images


@pytest.fixture
def encoded():
    codec = ImageCodec.fit(gray_with_holes())
    return codec.encode(gray_with_holes()), codec.layout


# ------------------------------------------------------------------ Binarize
def test_pixels_become_black_or_white_as_often_as_they_are_bright():
    codec = ImageCodec.fit(digits())
    batch, chance = codec.encode(digits()), generator()
    drawn = torch.stack([Binarize()(batch, codec.layout, chance).values for _ in range(200)])
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(drawn.mean(0), batch.values, atol=0.2, rtol=0)  # over five standard errors
    torch.testing.assert_close(drawn.mean((0, 1)), batch.values.mean(0), atol=0.016, rtol=0)


def test_black_and_white_stay_what_they_are():
    images = (digits() > 0.5).astype(np.uint8) * 255
    codec = ImageCodec.fit(images)
    batch = codec.encode(images)
    assert torch.equal(Binarize()(batch, codec.layout, generator()).values, batch.values)


def test_what_is_missing_stays_missing_and_the_original_is_not_touched(encoded):
    batch, layout = encoded
    before = batch.values.clone()
    drawn = Binarize()(batch, layout, generator())
    assert torch.equal(drawn.observed, batch.observed)
    assert (drawn.values[batch.observed == 0] == 0).all()
    assert torch.equal(batch.values, before)


def test_it_follows_its_generator_and_takes_no_memory_for_a_complete_mask():
    codec = ImageCodec.fit(digits())
    batch = codec.encode(digits())
    one, again, other = (Binarize()(batch, codec.layout, generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(one.values, again.values)
    assert not torch.equal(one.values, other.values)
    assert one.is_complete


# ------------------------------------------------------------------ Augmented
def test_rows_differ_each_time_they_are_drawn(encoded):
    batch, layout = encoded
    rows = Augmented(batch, Binarize(), layout, generator())
    assert len(rows) == len(batch)
    assert len(rows.take(torch.arange(5))) == 5
    one, again = rows[:10], rows[:10]
    assert torch.equal(one.observed, batch.observed[:10])
    assert not torch.equal(one.values, again.values)


@dataclasses.dataclass(frozen=True)
class Darken:
    """Augmentation of a caller's own."""

    by: float = 0.5

    def __call__(self, batch, layout, generator):
        return Batch(self.by * batch.values, batch.observed)


def test_training_learns_from_what_an_augmentation_makes():
    """A model that was shown darker images than there are gives darker ones back."""
    settings = OF_PIXELS | {"likelihood": "squared_error", "max_epochs": 40}
    plain, darkened = (
        Autoencoder(**settings, augmentation=choice).fit(digits()).reconstruct(digits()).mean()
        for choice in (None, Darken(0.2))
    )
    assert plain == pytest.approx(digits().mean(), rel=0.1)
    assert darkened < 0.7 * plain


def test_with_black_and_white_images_binarize_changes_nothing_but_the_draws():
    """Target and input are augmented alike: with the same draw for both the loss is that of the drawn images."""
    images = (digits() > 0.5).astype(np.uint8) * 255
    plain, drawn = (VAE(**OF_PIXELS, augmentation=choice).fit(images) for choice in (None, "binarize"))
    gap = plain.score_samples(images).mean() - drawn.score_samples(images).mean()
    assert abs(gap) < 0.05 * abs(plain.score_samples(images).mean())


@pytest.mark.parametrize("kind", [VAE, StackedAutoencoder], ids=lambda kind: kind.__name__)
def test_it_is_deterministic_given_a_seed_and_uses_it(kind):
    one, again, plain = (
        quick(kind(**SMALL, augmentation=choice)).fit(digits()) for choice in (*2 * ["binarize"], None)
    )
    np.testing.assert_array_equal(one.score_samples(digits()), again.score_samples(digits()))
    assert (one.score_samples(digits()) != plain.score_samples(digits())).any()


class HeldOut(Callback):
    """What the network loses on a fixed batch, beside what the loop says of the rows held out."""

    def __init__(self):
        self.losses: list[float] = []

    def on_epoch_end(self, run):
        self.losses.append(run.history[-1]["validation_loss"])


def test_held_out_rows_are_drawn_once():
    """A learning rate of almost nothing leaves the network as it is: then so is what it loses on the same rows."""
    seen = HeldOut()
    settings = OF_PIXELS | {"max_epochs": 3, "learning_rate": 1e-12, "validation_fraction": 0.3}
    VAE(**settings, augmentation="binarize", callbacks=(seen,)).fit(digits())
    assert len(seen.losses) == 3
    np.testing.assert_allclose(seen.losses, seen.losses[0], rtol=1e-5)


@pytest.mark.parametrize("choice", ["binarize", Binarize(), None], ids=repr)
def test_it_is_saved(choice, tmp_path):
    model = quick(VAE(**OF_PIXELS, augmentation=choice)).fit(digits())
    again = load(model.save(tmp_path) and tmp_path)
    assert again.augmentation == choice
    np.testing.assert_array_equal(again.score_samples(digits()), model.score_samples(digits()))


def test_what_it_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"VAE.augmentation must be one of 'binarize'.*got 'rotate'"):
        VAE(augmentation="rotate").fit(digits())
    with pytest.raises(ValueError, match="'binarize' is for pixels between 0 and 1, and X is a table"):
        VAE(augmentation="binarize").fit(few_columns())
