"""Convolutions of several members side by side, along one axis or two."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn

CONVOLUTIONS: dict[int, Callable[..., Tensor]] = {1: nn.functional.conv1d, 2: nn.functional.conv2d}


class StackedConvolution(nn.Module):
    """One convolution a member: (members, rows, inputs, *axes) to (members, rows, outputs, *axes).

    kernel: its length along each axis, odd.  stride: each axis becomes so many times shorter.
    """

    def __init__(
        self,
        n_members: int,
        inputs: int,
        outputs: int,
        kernel: tuple[int, ...],
        generator: Generator,
        *,
        stride: int = 1,
    ):
        super().__init__()
        self.weight = kernels((n_members, outputs, inputs, *kernel), inputs * math.prod(kernel), generator)
        self.bias = nn.Parameter(torch.zeros(n_members, outputs))
        self.convolution, self.padding, self.stride = CONVOLUTIONS[len(kernel)], kernel[0] // 2, stride

    def forward(self, values: Tensor) -> Tensor:
        return grouped(self.convolution, values, self.weight, self.bias, stride=self.stride, padding=self.padding)


def kernels(shape: tuple[int, ...], fan_in: int, generator: Generator) -> nn.Parameter:
    return nn.Parameter((torch.rand(shape, generator=generator) * 2 - 1) * math.sqrt(3.0 / fan_in))


def grouped(
    convolution: Callable[..., Tensor], values: Tensor, weight: Tensor, bias: Tensor, *, stride: int, padding: int
) -> Tensor:
    """The members as groups of channels, each with kernels of its own."""
    members = len(values)
    found = convolution(
        values.movedim(0, 1).flatten(1, 2),
        weight.flatten(0, 1),
        bias.flatten(),
        stride=stride,
        padding=padding,
        groups=members,
    )
    return found.unflatten(1, (members, -1)).movedim(1, 0)
