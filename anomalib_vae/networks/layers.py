"""Layers of several members side by side: every parameter has the member as its first dimension."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn


def step(values: Tensor) -> Tensor:
    """1 where positive and 0 elsewhere; backwards as if it were the logistic function (a straight-through estimator:
    Bengio, Léonard & Courville 2013), which has a slope everywhere: no unit is lost for good."""
    smooth = torch.sigmoid(values)
    return (values > 0).to(values.dtype) + (smooth - smooth.detach())


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "silu": nn.functional.silu,
    "gelu": nn.functional.gelu,
    "tanh": torch.tanh,
    "elu": nn.functional.elu,
    "selu": nn.functional.selu,
    "leaky_relu": nn.functional.leaky_relu,
    "sigmoid": torch.sigmoid,
    "linear": torch.nn.Identity(),
    "step": step,
}


class StackedLinear(nn.Module):
    """One affine map a member: (members, rows, inputs) to (members, rows, outputs) as one batched matrix product."""

    def __init__(self, n_members: int, inputs: int, outputs: int, generator: Generator, gain: float = 1.0):
        super().__init__()
        bound = gain * math.sqrt(3.0 / max(inputs, 1))
        weight = torch.rand((n_members, inputs, outputs), generator=generator) * 2 - 1
        self.weight = nn.Parameter(weight * bound)
        self.bias = nn.Parameter(torch.zeros(n_members, 1, outputs))

    def forward(self, values: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, values, self.weight)


def dropout(values: Tensor, rate: float, generator: Generator | None) -> Tensor:
    """Dropout that draws from a given generator; none at all where there is no generator (outside training)."""
    if rate == 0.0 or generator is None:
        return values
    kept = torch.rand(values.shape, generator=generator, device=values.device) >= rate
    return values * kept / (1.0 - rate)


def smooth_clamp(values: Tensor, low: float, high: float) -> Tensor:
    """Between low and high, the identity well inside, with a gradient everywhere: a hard clamp would stop learning."""
    softplus = nn.functional.softplus
    return low + softplus(values - low) - softplus(values - high)
