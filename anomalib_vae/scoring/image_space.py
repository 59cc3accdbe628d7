"""What images are measured in: the edges in each part of an image, and its colours with little detail."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from anomalib_vae.codec.batch import Batch

LARGEST = 32  # pixels in a direction: larger images are averaged down to so many
DIRECTIONS = 8  # that an edge may have, light to dark told from dark to light
EDGE_CELLS, COLOUR_CELLS = 7, 14  # in each direction, no more than there are pixels
CELL_WIDTH = 0.7  # cells: standard deviation of the Gaussian that a cell is
FILL_WIDTH = 1.0  # pixels: of the Gaussian that a missing pixel is filled from
FAINT_SHARE = 0.03  # of the mean edge: edges well below this are as good as none
TINY = 1e-9
CHUNK = 256  # images at once


@dataclass(frozen=True)
class ImageSpace:
    """Two views of an image, in each of which a Euclidean distance says how much two images differ.

    Edges: how much brightness rises in each of 8 directions around each of 7 x 7 places, as a histogram of oriented
    gradients (Dalal & Triggs 2005) or SIFT has it, so that what moves a little stays what it is.  Of each number x the
    logarithm is taken, log(1 + x / faint): it matters most whether there is an edge at all, and not how strong it is
    (compare the power normalisation of Perronnin, Sanchez & Mensink 2010).  Channels are added up.
    Colours: the mean of each channel around each of 14 x 14 places.

    A missing pixel is filled with the mean of those near it.  The more of a place is missing, the closer its numbers
    are to those usual in training; a place without a known pixel tells nothing.

    grid: (3,), height, width and channels.  faint: ().  usual_edges, usual_colours: means over training, (features,).
    """

    grid: Tensor
    faint: Tensor
    usual_edges: Tensor
    usual_colours: Tensor

    @classmethod
    def fit(cls, rows: Batch, grid: tuple[int, int, int]) -> ImageSpace:
        """rows: the references."""
        nothing = torch.zeros((), dtype=torch.float64)
        plain = cls(torch.tensor(grid), nothing + 1, nothing, nothing)
        rises, colours, known_rises, known_colours = plain._measured(rows)
        faint = (FAINT_SHARE * _mean(rises, known_rises).mean()).clamp_min(TINY)
        usual = _mean(torch.log1p(rises / faint), known_rises)
        return replace(plain, faint=faint, usual_edges=usual, usual_colours=_mean(colours, known_colours))

    def __call__(self, rows: Batch) -> tuple[Tensor, Tensor]:
        """Edges and colours of images whose features are pixels, (rows, features of each view)."""
        rises, colours, known_rises, known_colours = self._measured(rows)
        edges = torch.lerp(self.usual_edges, torch.log1p(rises / self.faint), known_rises)
        return edges, torch.lerp(self.usual_colours, colours, known_colours)

    def _measured(self, rows: Batch) -> list[Tensor]:
        """Rises and colours, and how much of each is known, from 0 to 1, all (rows, features)."""
        parts = [self._measured_at_once(rows[at : at + CHUNK]) for at in range(0, len(rows), CHUNK)]
        return [torch.cat(part) for part in zip(*parts, strict=True)]

    def _measured_at_once(self, rows: Batch) -> list[Tensor]:
        values, known = (self._channels(part) for part in (rows.values, rows.observed))
        size = (min(values.shape[2], LARGEST), min(values.shape[3], LARGEST))
        known = torch.nn.functional.adaptive_avg_pool2d(known, size)
        values = torch.nn.functional.adaptive_avg_pool2d(values, size) / known.clamp_min(TINY)
        values = values if rows.is_complete else _filled(values, known)
        known_rises = _around_places(known.mean(1, keepdim=True), EDGE_CELLS)
        rises = _around_places(_rises(values).sum(1), EDGE_CELLS)
        known_rises = known_rises.expand_as(rises)
        found = [rises, _around_places(values, COLOUR_CELLS), known_rises, _around_places(known, COLOUR_CELLS)]
        return [part.flatten(1) for part in found]

    def _channels(self, features: Tensor) -> Tensor:
        """(rows, pixels) to (rows, channels, height, width)."""
        return features.double().unflatten(1, self.grid.tolist()).movedim(-1, 1)


def _mean(values: Tensor, known: Tensor) -> Tensor:
    """Over the rows, each counted as much as is known of it; 0 where nothing is."""
    return (values * known).sum(0) / known.sum(0).clamp_min(TINY)


def _filled(values: Tensor, known: Tensor) -> Tensor:
    """Missing pixels as the mean of those near them, an image without any as black (Knutsson & Westin 1993,
    "Normalized and differential convolution")."""
    row, column = (_gaussians(torch.arange(side), side, FILL_WIDTH) for side in values.shape[2:])
    near = (row @ (values * known) @ column.T) / (row @ known @ column.T)
    return torch.nan_to_num(torch.where(known > 0, values, near))


def _rises(values: Tensor) -> Tensor:
    """How much brightness rises at each pixel in each direction: (rows, channels, height, width) to (rows, channels,
    DIRECTIONS, height, width).  A direction between two counts for both, the more the nearer."""
    padded = torch.nn.functional.pad(values, (1, 1, 1, 1), mode="replicate")
    down = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
    right = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
    turn = torch.atan2(down, right) * (DIRECTIONS / math.tau)
    first = turn.floor()
    part, strength = turn - first, torch.hypot(down, right)
    direction = first.long()[:, :, None] % DIRECTIONS
    rises = values.new_zeros(*values.shape[:2], DIRECTIONS, *values.shape[2:])
    rises.scatter_(2, direction, (strength * (1 - part))[:, :, None])
    return rises.scatter_add_(2, (direction + 1) % DIRECTIONS, (strength * part)[:, :, None])


def _around_places(maps: Tensor, cells: int) -> Tensor:
    """Means around so many places in each direction, Gaussian: (rows, maps, height, width) to (rows, maps, cells,
    cells)."""
    row, column = (_cells(side, min(side, cells)) for side in maps.shape[2:])
    return row @ maps @ column.T


def _cells(side: int, cells: int) -> Tensor:
    size = side / cells
    return _gaussians((torch.arange(cells) + 0.5) * size - 0.5, side, CELL_WIDTH * size)


def _gaussians(centres: Tensor, side: int, width: float) -> Tensor:
    """The weights of pixels around each centre, (centres, side); those of a centre add up to 1."""
    away = torch.arange(side, dtype=torch.float64) - centres[:, None]
    return torch.softmax(-0.5 * (away / width).square(), 1)
