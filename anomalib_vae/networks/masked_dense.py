"""Dense layers in which each column reads only the columns before it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn

from anomalib_vae.networks.layers import ACTIVATIONS, StackedLinear, dropout


class MaskedLinear(StackedLinear):
    """One affine map a member, with the weights alone where the mask, (inputs, outputs), is true."""

    mask: Tensor

    def __init__(self, n_members: int, mask: Tensor, generator: Generator, gain: float = 1.0):
        inputs, outputs = mask.shape
        super().__init__(n_members, inputs, outputs, generator, gain)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, values, self.weight * self.mask)


class MaskedMLP(nn.Module):
    """The masked autoencoder for distribution estimation: (members, rows, inputs) to (members, rows, outputs).

    Germain et al. 2015, "MADE": each hidden unit is given a column, and reads only what belongs to this one or to one
    before it; an output reads the units of columns before its own, and by a direct connection the inputs of these.
    Equal neighbouring widths get a residual connection.

    inputs, outputs: the column that each belongs to; CONTEXT is an input for all.
    """

    CONTEXT = -1

    def __init__(
        self,
        n_members: int,
        inputs: Sequence[int],
        hidden_dims: tuple[int, ...],
        outputs: Sequence[int],
        generator: Generator,
        *,
        activation: str,
        dropout: float,
    ):
        super().__init__()
        self.activation, self.dropout = ACTIVATIONS[activation], dropout
        read, given = torch.tensor(inputs), torch.tensor(outputs)
        first = int(read.min())
        steps = max(int(given.max()) - first, 1)
        self.direct = MaskedLinear(n_members, read[:, None] < given, generator, gain=0.0)
        layers = []
        for width in hidden_dims:
            units = first + torch.arange(width) * steps // width
            layers.append(MaskedLinear(n_members, read[:, None] <= units, generator))
            read = units
        self.hidden = nn.ModuleList(layers)
        self.head = MaskedLinear(n_members, read[:, None] < given, generator) if hidden_dims else None

    def silence(self, inputs: slice) -> None:
        """Start with these inputs without effect."""
        for layer in (self.direct, *self.hidden[:1]):
            layer.weight.data[:, inputs] = 0.0

    def forward(self, values: Tensor, generator: Generator | None = None) -> Tensor:
        direct = self.direct(values)
        for i, layer in enumerate(self.hidden):
            step = dropout(self.activation(layer(values)), self.dropout, generator)
            # the units of equally wide layers belong to the same columns, which need not be those of the inputs
            values = values + step if i and values.shape == step.shape else step
        return direct if self.head is None else direct + self.head(values)
