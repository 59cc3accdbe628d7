"""The recurrent backbone: LSTM or GRU."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor, nn

from anomalib_vae.codec.windows import WindowLayout
from anomalib_vae.networks.layers import StackedLinear
from anomalib_vae.networks.steps import StepInputs

GATES = {"lstm": 4, "gru": 3}


class StackedRecurrent(nn.Module):
    """A recurrent layer a member (Hochreiter & Schmidhuber 1997, "Long short-term memory"; Cho et al. 2014, GRU).

    (members, rows, steps, inputs) to what it gives at each step, (members, rows, steps, directions x hidden), and at
    the end of each direction, (members, rows, directions x hidden).
    """

    def __init__(
        self, cell: str, n_members: int, inputs: int, hidden: int, generator: Generator, *, bidirectional: bool
    ):
        super().__init__()
        self.cell, self.hidden, self.directions = cell, hidden, 1 + bidirectional
        gates, bound = GATES[cell] * hidden, 1 / math.sqrt(hidden)
        shapes = [(gates, inputs), (gates, hidden), (gates,), (gates,)] * self.directions
        self.weights = nn.ParameterList(
            nn.Parameter((torch.rand((n_members, *shape), generator=generator) * 2 - 1) * bound) for shape in shapes
        )

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        found = [self._of_member(part, [w[member] for w in self.weights]) for member, part in enumerate(values)]
        outputs, ends = (torch.stack(parts) for parts in zip(*found, strict=True))
        return outputs, ends

    def _of_member(self, values: Tensor, weights: list[Tensor]) -> tuple[Tensor, Tensor]:
        start = values.new_zeros(self.directions, len(values), self.hidden)
        settings = (weights, True, 1, 0.0, self.training, self.directions == 2, True)
        if self.cell == "lstm":
            outputs, ends, _ = torch.lstm(values, (start, start), *settings)
        else:
            outputs, ends = torch.gru(values, start, *settings)
        return outputs, ends.movedim(0, 1).flatten(1)


class RecurrentReader(nn.Module):
    """Reads a window in both directions; the ends of both tell of the whole."""

    def __init__(
        self,
        cell: str,
        layout: WindowLayout,
        n_members: int,
        hidden_dims: tuple[int, ...],
        outputs: int | None,
        generator: Generator,
    ):
        super().__init__()
        self.steps = StepInputs(layout)
        widths = [self.steps.width, *(2 * hidden for hidden in hidden_dims)]
        layers = [
            StackedRecurrent(cell, n_members, width, hidden, generator, bidirectional=True)
            for width, hidden in zip(widths[:-1], hidden_dims, strict=True)
        ]
        self.layers = nn.ModuleList(layers)
        self.width = widths[-1] if outputs is None else outputs
        self.head = None if outputs is None else StackedLinear(n_members, widths[-1], outputs, generator)
        for weight in layers[0].weights[::4]:  # as in the dense backbone, flags start without effect
            weight.data[..., self.steps.flags] = 0.0

    def forward(self, inputs: Tensor, generator: Generator | None = None) -> Tensor:
        values = self.steps(inputs)
        for layer in self.layers:
            values, ends = layer(values)
        return ends if self.head is None else self.head(ends)


class RecurrentWriter(nn.Module):
    """Writes a window forwards, told the code and how far it is at every step, and nothing of the steps it wrote."""

    def __init__(
        self,
        cell: str,
        layout: WindowLayout,
        n_members: int,
        code_width: int,
        hidden_dims: tuple[int, ...],
        generator: Generator,
    ):
        super().__init__()
        self.layout = layout
        widths = [code_width + 1, *hidden_dims]
        self.layers = nn.ModuleList(
            StackedRecurrent(cell, n_members, width, hidden, generator, bidirectional=False)
            for width, hidden in zip(widths[:-1], hidden_dims, strict=True)
        )
        self.head = StackedLinear(n_members, widths[-1], layout.step.width, generator)

    def forward(self, code: Tensor, generator: Generator | None = None) -> Tensor:
        length = self.layout.length
        along = torch.linspace(-1.0, 1.0, length, dtype=code.dtype, device=code.device)
        along = along[:, None].expand(*code.shape[:-1], length, 1)
        values = torch.cat([code[..., None, :].expand(*code.shape[:-1], length, code.shape[-1]), along], -1)
        for layer in self.layers:
            values, _ = layer(values)
        return self.layout.join(self.head(values.flatten(1, 2)).unflatten(1, (-1, length)))
