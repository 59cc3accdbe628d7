"""Images from a folder of image files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
GREY, DEEP = {"1", "L", "LA", "La"}, ("I", "F")  # Pillow's modes: grey of a byte at most, and grey of more


class ImageFiles(NamedTuple):
    """What a folder of image files holds.

    images: (n, height, width), or (n, height, width, 3) where any file has colours.  names: (n,), the files' paths
    within the folder, with slashes.  labels: (n,), the first sub-folder of each, "" where it lies in none.
    """

    images: np.ndarray
    names: np.ndarray
    labels: np.ndarray


def read_images(
    folder: str | Path, size: int | tuple[int, int] | None = None, pattern: str | None = None
) -> ImageFiles:
    """The image files of a folder and its sub-folders, in the order of their paths, as one array of uint8.

    size: (height, width) that all are scaled to, or one number for both; None where they have one size already.
    pattern: such as "*.png" or "train/*.jpg"; None for every file with the suffix of an image.  Hidden files are left
    out, photographs turned upright, transparent parts white; of a file with several images the first is read.  Grey
    images of more than 8 bits a pixel are float32.  Raises FileNotFoundError where there is no image, and ValueError
    naming the file that can't be read or differs from the first in size or depth.
    """
    folder = Path(folder)
    height_and_width = (size, size) if isinstance(size, int) else size
    files = _files(folder, pattern)
    images = [_read(file, height_and_width) for file in files]
    for file, image in zip(files, images, strict=True):
        _compare(image, images[0], file, files[0])
    if len({image.ndim for image in images}) > 1:
        images = [image if image.ndim == 3 else np.repeat(image[..., None], 3, -1) for image in images]
    inside = [file.relative_to(folder) for file in files]
    labels = [path.parts[0] if len(path.parts) > 1 else "" for path in inside]
    return ImageFiles(np.stack(images), np.array([path.as_posix() for path in inside]), np.array(labels))


def _files(folder: Path, pattern: str | None) -> list[Path]:
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    found = [file for file in folder.rglob(pattern or "*") if file.is_file()]
    found = [file for file in found if not any(part.startswith(".") for part in file.relative_to(folder).parts)]
    if pattern is None:
        found = [file for file in found if file.suffix.lower() in SUFFIXES]
    if not found:
        wanted = f"file that matches {pattern!r}" if pattern else f"image file ({', '.join(sorted(SUFFIXES))})"
        raise FileNotFoundError(f"the folder {folder} and its sub-folders hold no {wanted}")
    return sorted(found, key=lambda file: file.relative_to(folder).parts)


def _read(file: Path, size: tuple[int, int] | None) -> np.ndarray:
    """(height, width), or (height, width, 3)."""
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImportError('image files need Pillow: pip install "anomalib-vae[images]"') from error
    try:
        with Image.open(file) as opened:
            image = _plain(ImageOps.exif_transpose(opened))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # what broken files raise
        raise ValueError(f"{file} can't be read as an image: {error}") from error
    if size is not None and image.size != size[::-1]:
        image = image.resize(size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(image)


def _plain(image: Image) -> Image:
    """In one of three modes: grey of a byte, grey of more as float32, or colours."""
    from PIL import Image as images

    if image.mode.startswith(DEEP):
        return image.convert("F")
    mode = "L" if image.mode in GREY else "RGB"
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = images.alpha_composite(images.new("RGBA", image.size, "white"), image)
    return image.convert(mode)


def _compare(image: np.ndarray, first: np.ndarray, file: Path, first_file: Path) -> None:
    if image.shape[:2] != first.shape[:2]:
        sizes = [" x ".join(map(str, array.shape[:2])) for array in (image, first)]
        raise ValueError(
            f"{file} is {sizes[0]} pixels (height x width), and {first_file} is {sizes[1]}: give the size that all are "
            "to be scaled to, size=(height, width)"
        )
    if image.dtype != first.dtype:
        raise ValueError(
            f"{file} and {first_file} differ in depth, one has 8 bits a pixel and the other more: convert one of them, "
            "or read them apart with pattern="
        )
