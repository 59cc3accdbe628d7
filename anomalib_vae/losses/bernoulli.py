"""The likelihood of booleans."""

from __future__ import annotations

import torch


def bernoulli_log_prob(values: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """log p(x) for x in {0, 1} (or in between, for grey pixels), elementwise, in nats."""
    return values * logits - torch.nn.functional.softplus(logits)
