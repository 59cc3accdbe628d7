"""The convolutional backbone for windows."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Generator, Tensor, nn

from anomalib_vae.codec.windows import WindowLayout
from anomalib_vae.networks.layers import ACTIVATIONS, StackedLinear
from anomalib_vae.networks.steps import StepInputs

KERNEL = 5  # steps


class StackedConvolution(nn.Module):
    """One convolution along the steps a member: (members, rows, inputs, steps) to (members, rows, outputs, steps),
    with stride 2 every other step."""

    def __init__(self, n_members: int, inputs: int, outputs: int, generator: Generator, stride: int = 1):
        super().__init__()
        bound = math.sqrt(3.0 / (inputs * KERNEL))
        weight = torch.rand((n_members, outputs, inputs, KERNEL), generator=generator) * 2 - 1
        self.weight, self.bias = nn.Parameter(weight * bound), nn.Parameter(torch.zeros(n_members, outputs))
        self.stride = stride

    def forward(self, values: Tensor) -> Tensor:
        members = len(values)
        found = nn.functional.conv1d(
            values.movedim(0, 1).flatten(1, 2),
            self.weight.flatten(0, 1),
            self.bias.flatten(),
            stride=self.stride,
            padding=KERNEL // 2,
            groups=members,
        )
        return found.unflatten(1, (members, -1)).movedim(1, 0)


class ConvolutionalReader(nn.Module):
    """Layers that each halve the number of steps; what is left of them is read as a whole."""

    def __init__(
        self,
        layout: WindowLayout,
        n_members: int,
        channels: tuple[int, ...],
        outputs: int | None,
        generator: Generator,
        activation: str,
    ):
        super().__init__()
        self.steps, self.activation = StepInputs(layout), ACTIVATIONS[activation]
        widths = [self.steps.width, *channels]
        layers = [StackedConvolution(n_members, a, b, generator, stride=2) for a, b in itertools.pairwise(widths)]
        self.layers = nn.ModuleList(layers)
        layers[0].weight.data[:, :, self.steps.flags] = 0.0  # as in the dense backbone
        left = halved(layout.length, len(channels)) * channels[-1]
        self.width = left if outputs is None else outputs
        self.head = None if outputs is None else StackedLinear(n_members, left, outputs, generator)

    def forward(self, inputs: Tensor, generator: Generator | None = None) -> Tensor:
        values = self.steps(inputs).mT
        for layer in self.layers:
            values = self.activation(layer(values))
        return values.flatten(2) if self.head is None else self.head(values.flatten(2))


class ConvolutionalWriter(nn.Module):
    """The way back: layers that each double the number of steps."""

    def __init__(
        self,
        layout: WindowLayout,
        n_members: int,
        code_width: int,
        channels: tuple[int, ...],
        generator: Generator,
        activation: str,
    ):
        super().__init__()
        self.layout, self.activation = layout, ACTIVATIONS[activation]
        self.few = halved(layout.length, len(channels))
        self.first = StackedLinear(n_members, code_width, self.few * channels[0], generator)
        widths = [*channels, layout.step.width]
        self.layers = nn.ModuleList(
            StackedConvolution(n_members, a, b, generator) for a, b in itertools.pairwise(widths)
        )

    def forward(self, code: Tensor, generator: Generator | None = None) -> Tensor:
        values = self.first(code).unflatten(-1, (-1, self.few))
        for layer in self.layers:
            values = layer(self.activation(values).repeat_interleave(2, -1))
        return self.layout.join(values[..., : self.layout.length].mT)


def halved(length: int, times: int) -> int:
    """How many steps are left."""
    for _ in range(times):
        length = (length + 1) // 2
    return length
