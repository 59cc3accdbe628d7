"""What keeps a row's result from depending on the rows beside it, to the last digit, in single precision."""

from __future__ import annotations

import torch
from torch import Tensor

FEW = 16  # rows, for fewer of which products of matrices have other last digits


def enough(rows: int) -> Tensor | slice:
    """Which of so many rows to compute: all, and these over and over again where they are fewer than FEW."""
    return slice(None) if rows >= FEW else torch.arange(FEW) % rows
