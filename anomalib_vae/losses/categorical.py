"""The likelihood of labels, for all columns of labels at once."""

from __future__ import annotations

import torch


class GroupedSoftmax(torch.nn.Module):
    """A softmax within each group of neighbouring features: one group a column, one feature a level."""

    index: torch.Tensor
    padding: torch.Tensor
    group: torch.Tensor

    def __init__(self, widths: list[int]):
        super().__init__()
        starts = torch.tensor([0, *widths]).cumsum(0)[:-1]
        steps = torch.arange(max(widths, default=0))
        padding = steps >= torch.tensor(widths, dtype=torch.long)[:, None]
        index = torch.where(padding, 0, starts[:, None] + steps)
        group = torch.repeat_interleave(torch.arange(len(widths)), torch.tensor(widths, dtype=torch.long))
        self.register_buffer("index", index, persistent=False)
        self.register_buffer("padding", padding, persistent=False)
        self.register_buffer("group", group, persistent=False)

    def log_prob(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits (..., features) to the log-probability of each level, same shape."""
        grouped = logits[..., self.index].masked_fill(self.padding, -torch.inf)
        return logits - torch.logsumexp(grouped, -1)[..., self.group]
