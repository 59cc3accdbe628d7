"""Rows of training that stay with a network."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn


class KeptRows(nn.Module):
    """Base of a module some of whose buffers hold rows of training, or what they told, none before these are known.

    kept: the names of those buffers; how many rows they hold only a saved state knows.
    """

    kept: ClassVar[tuple[str, ...]]

    def _load_from_state_dict(self, state_dict, prefix, *rest):
        for name in self.kept:
            if prefix + name in state_dict:  # else torch says what is missing
                setattr(self, name, torch.empty_like(state_dict[prefix + name]))
        super()._load_from_state_dict(state_dict, prefix, *rest)
