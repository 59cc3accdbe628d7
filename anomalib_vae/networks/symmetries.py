"""The symmetries of a rectangle of pixels: quarter turns, and mirror images of them."""

from __future__ import annotations

import torch
from torch import Tensor

TURNS = 4
PLAIN = 0.5  # of what separates two mean images, that a symmetry must do away with to be taken for one


def turned(maps: Tensor, symmetry: int) -> Tensor:
    """Maps (..., height, width) under one of the eight: mirrored from left to right by those from TURNS on, then turned
    counter-clockwise by as many quarters as are left over."""
    mirrored = maps.flip(-1) if symmetry >= TURNS else maps
    return torch.rot90(mirrored, symmetry % TURNS, (-2, -1))


def inverse(symmetry: int) -> int:
    """What takes it back: a mirror image is its own inverse."""
    return symmetry if symmetry >= TURNS else -symmetry % TURNS


def symmetry_between(a: Tensor, b: Tensor) -> int:
    """The symmetry by which one mean image, (height, width), comes closest to another; 0, none, unless the squared
    distance shrinks to less than PLAIN of what it is without: chance alone makes some of them a little closer."""
    candidates = [s for s in range(2 * TURNS) if turned(a, s).shape == b.shape]
    distance = torch.stack([(turned(a, s) - b).square().sum() for s in candidates])
    best = int(distance.argmin())
    return candidates[best] if bool(distance[best] < PLAIN * distance[0]) else 0
