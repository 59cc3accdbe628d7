"""Folders of image files become arrays that models take."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from data import digits
from PIL import Image

from anomalib_vae.datasets import ImageFiles, read_images


def as_bytes() -> np.ndarray:
    return (255 * digits()).round().astype(np.uint8)


def write(folder, images: dict[str, np.ndarray | Image.Image]):
    """Image files by their paths within the folder."""
    for name, image in images.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path)
    return folder


def colours(shade: int = 0) -> np.ndarray:
    return np.stack([as_bytes()[0], as_bytes()[1], np.full((8, 8), shade, np.uint8)], -1)


def test_grey_files_become_bytes_in_the_order_of_their_paths(tmp_path):
    images = as_bytes()
    write(tmp_path, {"b.png": images[1], "a.png": images[0], "c.bmp": images[2], "d.tiff": images[3]})
    found = read_images(tmp_path)
    assert isinstance(found, ImageFiles)
    assert found.images.dtype == np.uint8
    np.testing.assert_array_equal(found.images, images[:4])
    assert found.names.tolist() == ["a.png", "b.png", "c.bmp", "d.tiff"]
    assert found.labels.tolist() == [""] * 4


def test_the_first_sub_folder_is_the_label(tmp_path):
    images = as_bytes()
    names = ["cats/indoor/2.png", "cats/1.png", "dogs/1.png", "stray.png"]
    write(tmp_path, dict(zip(names, images, strict=False)))
    found, names, labels = read_images(str(tmp_path))
    assert names.tolist() == ["cats/1.png", "cats/indoor/2.png", "dogs/1.png", "stray.png"]
    assert labels.tolist() == ["cats", "cats", "dogs", ""]
    np.testing.assert_array_equal(found, images[[1, 0, 2, 3]])


def test_one_file_in_colour_makes_all_so(tmp_path):
    write(tmp_path, {"a.png": as_bytes()[0], "b.png": colours()})
    found = read_images(tmp_path).images
    assert found.shape == (2, 8, 8, 3)
    np.testing.assert_array_equal(found[0], np.repeat(as_bytes()[0][..., None], 3, -1))
    np.testing.assert_array_equal(found[1], colours())


def test_other_kinds_of_pixels_are_read_as_grey_or_in_colour(tmp_path):
    flags = Image.fromarray(as_bytes()[0]).convert("1")
    write(tmp_path, {"flags.png": flags})
    assert set(np.unique(read_images(tmp_path).images)) == {0, 255}
    palette = Image.fromarray(colours()).quantize(200)
    write(tmp_path, {"palette.png": palette, "ink.tif": Image.fromarray(colours()).convert("CMYK")})
    found = read_images(tmp_path)
    assert found.images.shape == (3, 8, 8, 3)
    np.testing.assert_array_equal(found.images[2], np.asarray(palette.convert("RGB")))


def test_transparent_parts_are_white(tmp_path):
    opacity = np.full((8, 8), 255, np.uint8)
    opacity[:4] = 0
    grey = np.stack([as_bytes()[0], opacity], -1)
    write(tmp_path, {"a.png": Image.fromarray(grey, "LA")})
    found = read_images(tmp_path).images
    assert found.shape == (1, 8, 8)
    assert (found[0, :4] == 255).all()
    np.testing.assert_array_equal(found[0, 4:], as_bytes()[0, 4:])
    write(tmp_path, {"a.png": Image.fromarray(np.dstack([colours(), opacity]))})
    np.testing.assert_array_equal(read_images(tmp_path).images[0, 4:], colours()[4:])


def test_grey_of_sixteen_bits_keeps_them(tmp_path):
    deep = (digits()[0] * 60000).astype(np.uint16)
    write(tmp_path, {"a.png": deep, "b.tif": deep.astype(np.float32)})
    found = read_images(tmp_path).images
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [deep, deep])
    write(tmp_path, {"c.png": as_bytes()[0]})
    with pytest.raises(ValueError, match=r"c\.png and .*a\.png differ in depth"):
        read_images(tmp_path)


def test_photographs_stand_upright(tmp_path):
    turned = Image.fromarray(as_bytes()[0, :, :6])
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    turned.save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_images(tmp_path).images[0], np.rot90(as_bytes()[0, :, :6], -1))


def test_all_are_scaled_to_the_size(tmp_path):
    write(tmp_path, {"a.png": as_bytes()[0], "b.png": as_bytes()[1, :5], "c.png": colours()[:, :6]})
    found = read_images(tmp_path, size=(4, 6)).images
    assert found.shape == (3, 4, 6, 3)
    assert read_images(tmp_path, size=8, pattern="a*").images.tolist() == as_bytes()[:1].tolist()


def test_another_size_is_an_error_that_names_both_files(tmp_path):
    write(tmp_path, {"a.png": as_bytes()[0], "b.png": as_bytes()[1, :5]})
    with pytest.raises(
        ValueError, match=r"b\.png is 5 x 8 pixels .* a\.png is 8 x 8: give the size".replace(" a", ".*a")
    ):
        read_images(tmp_path)


def test_only_files_that_are_wanted_are_read(tmp_path):
    write(
        tmp_path, {"a.png": as_bytes()[0], "b.JPG": as_bytes()[1], ".b.png": as_bytes()[2], ".c/d.png": as_bytes()[3]}
    )
    (tmp_path / "labels.csv").write_text("a,0\n")
    assert read_images(tmp_path).names.tolist() == ["a.png", "b.JPG"]
    assert read_images(tmp_path, pattern="*.png").names.tolist() == ["a.png"]
    with pytest.raises(ValueError, match=r"labels\.csv can't be read as an image"):
        read_images(tmp_path, pattern="*.csv")


def test_a_broken_file_is_named(tmp_path):
    write(tmp_path, {"a.png": as_bytes()[0], "b.png": np.tile(as_bytes()[1], (20, 20))})
    broken = tmp_path / "b.png"
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"b\.png can't be read as an image"):
        read_images(tmp_path)
    broken.write_bytes(b"")
    with pytest.raises(ValueError, match=r"b\.png can't be read as an image"):
        read_images(tmp_path)


def test_a_folder_without_images_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        read_images(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"hold no image file \(\.bmp, "):
        read_images(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"hold no file that matches '\*\.gif'"):
        read_images(tmp_path, pattern="*.gif")


def test_without_pillow_the_error_names_the_extra(tmp_path):
    write(tmp_path, {"a.png": as_bytes()[0]})
    code = (
        "import sys; sys.modules['PIL'] = None\n"
        "from anomalib_vae.datasets import read_images\n"
        f"try:\n    read_images({str(tmp_path)!r})\n"
        "except ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "anomalib-vae[images]"' in done.stdout
