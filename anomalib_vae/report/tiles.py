"""Images side by side, as the tiles of one picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from anomalib_vae.report.canvas import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from anomalib_vae.codec.image import ImageCodec

PAPER = 1.0
MISSING = (0.93, 0.76, 0.45)  # a sandy colour: neither black nor white
GAP = 0.06  # between tiles, of a tile's longer side
SIDE, WIDEST = 0.62, 9.0  # inches: of a tile, and of all tiles together
MARGIN, LINE_HEIGHT, LETTER = 0.12, 0.22, 0.075  # inches: around all, of a line of text, of a letter's width


def colours(codec: ImageCodec, images) -> np.ndarray:
    """Images like those of training as colours from 0 to 1, (n, height, width, 3).

    Black and white are the ends of the range that the codec learned.  One channel is grey, three are red, green and
    blue, a fourth is opacity; of any other number the mean is drawn, grey.  Missing pixels have a colour of their own.
    """
    height, width, channels = codec.layout.grid
    values = np.asarray(images, np.float64).reshape(-1, height, width, channels)
    missing = np.isnan(values).any(-1)
    values = np.clip((np.nan_to_num(values, nan=codec.low) - codec.low) / (codec.high - codec.low), 0.0, 1.0)
    if channels == 4:
        opacity = values[..., 3:]
        values = opacity * values[..., :3] + (1.0 - opacity) * PAPER
    elif channels != 3:
        values = np.repeat(values.mean(-1, keepdims=True), 3, -1)
    values[missing] = MISSING
    return values


def thinned(count: int, most: int) -> np.ndarray:
    """Positions of at most so many of `count` things, evenly spread from the first to the last."""
    if count <= most:
        return np.arange(count)
    return np.linspace(0, count - 1, most).round().astype(int)


def note_of(drawn: int, count: int, what: str) -> str:
    """The line that says that not all were drawn; empty where all were."""
    return f"{drawn} of {count:,} {what}" if drawn < count else ""


def in_rows(images: np.ndarray, columns: int) -> np.ndarray:
    """Images (n, height, width, 3) row after row, (rows, columns, height, width, 3); what is left over is paper."""
    rows = -(-len(images) // columns)
    paper = np.full((rows * columns - len(images), *images.shape[1:]), PAPER)
    return np.concatenate([images, paper]).reshape(rows, columns, *images.shape[1:])


def mosaic(tiles: np.ndarray) -> np.ndarray:
    """Tiles (rows, columns, height, width, 3) as one image, with a strip of paper between them."""
    rows, columns, height, width, depth = tiles.shape
    gap = _gap(height, width)
    sheet = np.full((rows, height + gap, columns, width + gap, depth), PAPER)
    sheet[:, :height, :, :width] = tiles.transpose(0, 2, 1, 3, 4)
    return sheet.reshape(rows * (height + gap), columns * (width + gap), depth)[:-gap, :-gap]


def centres(count: int, side: int, other_side: int) -> np.ndarray:
    """Where in the mosaic the middles of the first `count` tiles are, along the given side of a tile."""
    return np.arange(count) * (side + _gap(side, other_side)) + (side - 1) / 2


def _gap(height: int, width: int) -> int:
    """Pixels between two tiles of this size."""
    return max(1, round(GAP * max(height, width)))


def draw_tiles(
    tiles: np.ndarray,
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    note: str = "",
    beside: float = 0.0,
    below: float = 0.0,
) -> tuple[Figure, Axes]:
    """A figure of tiles (rows, columns, height, width, 3), and its axes, whose units are pixels of the mosaic.

    rows, columns: their names, one each or none.  note: a line below.  beside, below: inches for
    what is drawn there.
    """
    n_columns, height, width = tiles.shape[1:4]
    sheet = mosaic(tiles)
    scale = n_columns * min(SIDE * max(1.0, width / height), WIDEST / n_columns) / sheet.shape[1]  # inches a pixel
    beside += LETTER * max(map(len, rows), default=0)
    below += LINE_HEIGHT * (bool(columns) + bool(note))
    inches = scale * sheet.shape[1] + beside + MARGIN, scale * sheet.shape[0] + below + MARGIN
    figure = new_figure(max(inches[0], LETTER * len(note) + MARGIN), inches[1])
    axes = figure.subplots()
    axes.imshow(np.clip(sheet, 0.0, 1.0), interpolation="antialiased")
    axes.set_anchor("NW")  # where room is left over, the layout would lose names of rows at the edge
    axes.set_yticks(centres(len(rows), height, width), list(rows), fontsize=8)
    axes.set_xticks(centres(len(columns), width, height), list(columns), fontsize=8)
    axes.tick_params(length=0, labelbottom=False, labeltop=True)
    axes.spines[:].set_visible(False)
    if note:
        axes.set_xlabel(note, fontsize=8)
    return figure, axes
