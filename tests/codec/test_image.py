"""Images become features between black and white, and features images of the training's shape and dtype."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from data import digits

from anomalib_vae.codec.image import ImageCodec, is_images

KINDS = {
    "uint8": lambda: (digits() * 255).round().astype(np.uint8),
    "float32 from 0 to 1": lambda: digits().astype(np.float32),
    "float64 of another range": lambda: 300.0 * digits() - 20.0,
    "float16": lambda: digits().astype(np.float16),
    "int16": lambda: (1000 * digits()).round().astype(np.int16),
    "bool": lambda: digits() > 0.5,
    "one channel": lambda: digits()[..., None],
    "three channels, not square": lambda: np.repeat(digits()[:, :5, :, None], 3, -1),
    "one pixel": lambda: digits()[:, 3:4, 3:4],
    "constant": lambda: np.full((4, 3, 2), 7.5),
}


@pytest.fixture(params=KINDS)
def images(request):
    return KINDS[request.param]()


def test_pixels_lie_between_black_and_white(images):
    batch = ImageCodec.fit(images).encode(images)
    assert batch.values.dtype == torch.float32
    assert batch.values.shape == (len(images), images[0].size)
    assert batch.values.min() >= 0
    assert batch.values.max() <= 1
    assert batch.is_complete


def test_there_and_back_again(images):
    codec = ImageCodec.fit(images)
    back = codec.decode(codec.encode(images).values.numpy())
    assert back.dtype == images.dtype
    assert back.shape == images.shape
    near = 1e-5 * np.ptp(images.astype(float)) if images.dtype.kind == "f" else 0
    np.testing.assert_allclose(back.astype(float), images.astype(float), atol=near + 1e-6)


def test_bytes_and_their_share_of_255_are_the_same():
    as_bytes = KINDS["uint8"]()
    one, other = (ImageCodec.fit(images).encode(images).values for images in (as_bytes, as_bytes / 255))
    torch.testing.assert_close(one, other, atol=1e-7, rtol=0)


def test_floats_between_0_and_1_stay_what_they_are():
    images = digits() / 2
    np.testing.assert_array_equal(ImageCodec.fit(images).encode(images).values.flatten(), images.ravel())


def test_pixels_lie_row_after_row_with_channels_side_by_side():
    images = np.arange(24.0).reshape(1, 2, 4, 3) / 24
    codec = ImageCodec.fit(images)
    np.testing.assert_allclose(codec.encode(images).values[0], np.arange(24) / 24, atol=1e-7)
    assert codec.names[:4] == ["pixel_0_0_0", "pixel_0_0_1", "pixel_0_0_2", "pixel_0_1_0"]
    assert codec.layout.grid == (2, 4, 3)
    assert ImageCodec.fit(images[..., 0]).names[4] == "pixel_1_0"


def test_nan_is_a_missing_pixel():
    images = digits()
    images[2, :4] = np.nan
    batch = ImageCodec.fit(images).encode(images)
    assert (batch.observed[2].reshape(8, 8)[:4] == 0).all()
    assert batch.observed.sum() == images.size - 32
    assert torch.isfinite(batch.values).all()
    assert (batch.values[batch.observed == 0] == 0).all()


def test_no_part_of_the_images_is_read_before_it_is_asked_for():
    images = digits()
    rows = ImageCodec.fit(images).rows(images)
    images[5] = 0.25
    assert (rows[5:6].values == 0.25).all()
    torch.testing.assert_close(rows[torch.tensor([5, 1])].values, rows[np.array([5, 1])].values)
    assert len(rows) == len(images)


def test_what_lies_beyond_the_range_of_training_is_far_and_not_further():
    codec = ImageCodec.fit(digits())
    images = digits()[:1]
    images[0, 0, :3] = (1.5, 40.0, -40.0)
    assert codec.encode(images).values[0, :3].tolist() == [1.5, 2.0, -1.0]


def test_decoding_rounds_and_stays_in_the_range():
    codec = ImageCodec.fit(KINDS["uint8"]())
    decoded = codec.decode(np.tile([-0.2, 1.3, 0.4999 / 255, 0.5001 / 255], (1, 16)))
    assert decoded[0, 0, :4].tolist() == [0, 255, 0, 1]
    unclipped = ImageCodec.fit(digits()).decode(np.full((1, 64), 1.3), clip=False)
    assert (unclipped == 1.3).all()


def test_survives_json(images):
    codec = ImageCodec.fit(images)
    again = ImageCodec.from_json(json.loads(json.dumps(codec.to_json())))
    assert again.layout == codec.layout
    assert torch.equal(again.encode(images).values, codec.encode(images).values)


def test_the_callers_images_are_not_changed(images):
    images.setflags(write=False)
    copy = images.copy()
    ImageCodec.fit(images).encode(images)
    np.testing.assert_array_equal(images, copy)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (np.zeros((0, 8, 8)), ValueError, r"at least one image of at least one pixel, got the shape \(0, 8, 8\)"),
        (np.zeros((3, 0, 8)), ValueError, "at least one pixel"),
        (np.full((3, 8, 8), np.inf), ValueError, "must not hold infinite pixels: replace them by NaN"),
        (np.full((3, 8, 8), np.nan), ValueError, "no observed pixel"),
        (np.full((3, 8, 8), "a"), TypeError, r"images must hold numbers.*astype\(float\)"),
        (np.zeros((3, 8, 8), complex), TypeError, "images must hold numbers, got an array of complex128"),
    ],
)
def test_fit_refuses(images, error, message):
    with pytest.raises(error, match=message):
        ImageCodec.fit(images)


@pytest.mark.parametrize("shape", [(3, 8, 9), (3, 8, 8, 1), (3, 64), (8, 8)])
def test_other_shapes_are_refused_with_the_one_of_training(shape):
    with pytest.raises(ValueError, match=r"X must be images of the shape \(n, 8, 8\) as in training, got \("):
        ImageCodec.fit(digits()).rows(np.zeros(shape))


def test_what_counts_as_images():
    assert is_images(np.zeros((2, 3, 3)))
    assert is_images(torch.zeros(2, 3, 3, 1))
    assert not is_images(np.zeros((2, 3)))
    assert not is_images([[1.0]])
    assert not is_images(None)
