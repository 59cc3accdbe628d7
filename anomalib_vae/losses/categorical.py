"""The likelihood of labels, for all columns of labels at once."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor


class GroupedSoftmax:
    """A softmax within each group of neighbouring features: one group a column, one feature a level.

    Neighbours of the same width go through one call: many small columns shall not take many calls.
    """

    def __init__(self, widths: Sequence[int]):
        self.runs = [(len(list(run)), width) for width, run in itertools.groupby(widths)]

    def log_prob(self, logits: Tensor) -> Tensor:
        """Logits (..., features) to the log-probability of each level, same shape."""
        if not self.runs:
            return logits
        parts = logits.split([count * width for count, width in self.runs], -1)
        runs = zip(parts, self.runs, strict=True)
        return torch.cat([part.unflatten(-1, run).log_softmax(-1).flatten(-2) for part, run in runs], -1)
