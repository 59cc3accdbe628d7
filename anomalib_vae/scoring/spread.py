"""What is usual among numbers, and how far they spread, where many may be the same."""

from __future__ import annotations

import torch
from torch import Tensor

QUARTILES = (0.25, 0.5, 0.75)
SMALLEST_SPREAD, TINY = 0.01, 1e-6  # of the median, or at all: most rows may have copies


def center_and_spread(values: Tensor) -> tuple[Tensor, Tensor]:
    """Median and interquartile range of the finite ones of the values, () each; the range is never nothing."""
    known = values[values.isfinite()]
    known = known if len(known) else values.new_zeros(1)
    low, center, high = torch.quantile(known, known.new_tensor(QUARTILES))
    return center, torch.maximum(high - low, SMALLEST_SPREAD * center.abs()).clamp_min(TINY)
