"""Images become colours, and tiles of one picture."""

from __future__ import annotations

import numpy as np
import pytest

from anomalib_vae.codec.image import ImageCodec
from anomalib_vae.report.tiles import MISSING, PAPER, centres, colours, draw_tiles, in_rows, mosaic, note_of, thinned


def images(*channels: int) -> np.ndarray:
    return np.random.default_rng(0).random((3, 4, 5, *channels))


def test_grey_pixels_have_equal_colours_between_black_and_white():
    grey = (images() * 255).astype(np.uint8)
    drawn = colours(ImageCodec.fit(grey), grey)
    assert drawn.shape == (3, 4, 5, 3)
    np.testing.assert_allclose(drawn, np.repeat(grey[..., None] / 255, 3, -1))


def test_black_and_white_are_the_ends_of_the_range_that_was_learned():
    codec = ImageCodec.fit(images() * 40 - 20)
    low, high = codec.low, codec.high
    drawn = colours(codec, np.full((1, 4, 5), [low - 5, low, (low + high) / 2, high, high + 5]))
    np.testing.assert_allclose(drawn[0, 0, :, 0], [0, 0, 0.5, 1, 1])


def test_booleans_are_black_and_white():
    flags = images() > 0.5
    np.testing.assert_array_equal(colours(ImageCodec.fit(flags), flags)[..., 0], flags)


def test_three_channels_are_colours_and_one_is_grey():
    np.testing.assert_allclose(colours(ImageCodec.fit(images(3)), images(3)), images(3))
    np.testing.assert_allclose(colours(ImageCodec.fit(images(1)), images(1))[..., 2], images(1)[..., 0])


def test_a_fourth_channel_is_opacity_before_paper():
    see_through = images(4)
    see_through[0, ..., 3], see_through[1, ..., 3] = 0.0, 1.0
    drawn = colours(ImageCodec.fit(see_through), see_through)
    np.testing.assert_allclose(drawn[0], PAPER)
    np.testing.assert_allclose(drawn[1], see_through[1, ..., :3])


def test_other_numbers_of_channels_are_their_mean():
    np.testing.assert_allclose(colours(ImageCodec.fit(images(6)), images(6))[..., 1], images(6).mean(-1))


@pytest.mark.parametrize("channels", [(), (3,), (2,)])
def test_a_missing_pixel_has_a_colour_of_its_own(channels):
    holed = images(*channels)
    holed[1, 2, 3] = np.nan
    drawn = colours(ImageCodec.fit(holed), holed)
    np.testing.assert_allclose(drawn[1, 2, 3], MISSING)
    assert (np.abs(drawn - MISSING).max(-1) < 1e-9).sum() == 1


def test_tiles_stand_where_they_belong():
    tiles = np.random.default_rng(0).random((2, 3, 4, 5, 3))
    sheet = mosaic(tiles)
    assert sheet.shape == (2 * 4 + 1, 3 * 5 + 2, 3)
    np.testing.assert_array_equal(sheet[5:, 12:], tiles[1, 2])
    np.testing.assert_array_equal(sheet[4], PAPER)
    np.testing.assert_allclose(centres(3, 5, 4), [2, 8, 14])


def test_what_is_left_over_of_the_last_row_is_paper():
    grid = in_rows(np.zeros((7, 4, 5, 3)), 3)
    assert grid.shape == (3, 3, 4, 5, 3)
    assert (grid[2, 0] == 0).all()
    assert (grid[2, 1:] == PAPER).all()


def test_more_than_fit_are_thinned_evenly_from_the_first_to_the_last():
    np.testing.assert_array_equal(thinned(3, 5), [0, 1, 2])
    np.testing.assert_array_equal(thinned(101, 5), [0, 25, 50, 75, 100])
    assert note_of(5, 1010, "images") == "5 of 1,010 images"
    assert note_of(5, 5, "images") == ""


@pytest.mark.parametrize("shape", [(1, 2, 8, 8, 3), (8, 10, 8, 8, 3), (2, 12, 64, 64, 3), (2, 5, 8, 24, 3)])
def test_names_of_rows_and_columns_lie_within_the_picture(shape):
    rows, columns = [f"a long name {i}" for i in range(shape[0])], [f"{i} %" for i in range(shape[1])]
    figure, axes = draw_tiles(np.zeros(shape), rows=rows, columns=columns, note="what was left out")
    figure.draw_without_rendering()
    paper = figure.bbox
    for text in (*axes.get_xticklabels(), *axes.get_yticklabels(), axes.xaxis.label):
        box = text.get_window_extent()
        assert paper.x0 <= box.x0
        assert box.x1 <= paper.x1
        assert paper.y0 <= box.y0
        assert box.y1 <= paper.y1
    assert max(figure.get_size_inches()) < 12
