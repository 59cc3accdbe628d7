"""The dense backbone."""

from __future__ import annotations

import itertools

from torch import Generator, Tensor, nn

from anomalib_vae.networks.layers import ACTIVATIONS, StackedLinear, dropout


class MLP(nn.Module):
    """Fully connected layers with an activation after each; equal neighbouring widths get a residual connection.

    `outputs` None leaves the last hidden layer as the result; a number adds an affine layer of that width.  A subclass
    may make other hidden layers.
    """

    def __init__(
        self,
        n_members: int,
        inputs: int,
        hidden_dims: tuple[int, ...],
        outputs: int | None,
        generator: Generator,
        *,
        activation: str = "silu",
        dropout: float = 0.0,
    ):
        super().__init__()
        self.activation, self.dropout = ACTIVATIONS[activation], dropout
        self.width = self.build_hidden(n_members, inputs, hidden_dims, generator)
        self.head = None
        if outputs is not None:
            self.head, self.width = StackedLinear(n_members, self.width, outputs, generator), outputs

    def build_hidden(self, n_members: int, inputs: int, hidden_dims: tuple[int, ...], generator: Generator) -> int:
        """Make the hidden layers; the width of what they give."""
        widths = [inputs, *hidden_dims]
        self.hidden = nn.ModuleList(StackedLinear(n_members, a, b, generator) for a, b in itertools.pairwise(widths))
        return widths[-1]

    def through_hidden(self, values: Tensor, generator: Generator | None) -> Tensor:
        for layer in self.hidden:
            step = dropout(self.activation(layer(values)), self.dropout, generator)
            values = values + step if values.shape == step.shape else step
        return values

    def silence(self, inputs: slice) -> None:
        """Start with these inputs without effect."""
        first = next((layer for layer in self.modules() if isinstance(layer, StackedLinear)), None)
        if first is not None:
            first.weight.data[:, inputs] = 0.0

    def forward(self, values: Tensor, generator: Generator | None = None) -> Tensor:
        values = self.through_hidden(values, generator)
        return values if self.head is None else self.head(values)


class PlainMLP(MLP):
    """Layers one after the other and nothing else, as textbooks draw them."""

    def through_hidden(self, values, generator):
        for layer in self.hidden:
            values = dropout(self.activation(layer(values)), self.dropout, generator)
        return values
