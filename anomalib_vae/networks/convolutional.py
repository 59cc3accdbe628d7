"""The convolutional backbone for windows."""

from __future__ import annotations

import itertools

from torch import Generator, Tensor, nn

from anomalib_vae.codec.windows import WindowLayout
from anomalib_vae.networks.layers import ACTIVATIONS, StackedLinear
from anomalib_vae.networks.stacked_convolution import StackedConvolution
from anomalib_vae.networks.steps import StepInputs

KERNEL = 5  # steps


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
        layers = [
            StackedConvolution(n_members, a, b, (KERNEL,), generator, stride=2) for a, b in itertools.pairwise(widths)
        ]
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
            StackedConvolution(n_members, a, b, (KERNEL,), generator) for a, b in itertools.pairwise(widths)
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
