"""The dense backbone."""

from __future__ import annotations

import itertools

from torch import Generator, Tensor, nn

from anomalib_vae.networks.layers import ACTIVATIONS, StackedLinear, dropout


class MLP(nn.Module):
    """Fully connected layers with an activation after each; equal neighbouring widths get a residual connection.

    `outputs` None leaves the last hidden layer as the result; a number adds an affine layer of that width.
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
        widths = [inputs, *hidden_dims]
        self.hidden = nn.ModuleList(StackedLinear(n_members, a, b, generator) for a, b in itertools.pairwise(widths))
        self.head = None if outputs is None else StackedLinear(n_members, widths[-1], outputs, generator)
        self.width = widths[-1] if outputs is None else outputs
        self.activation, self.dropout = ACTIVATIONS[activation], dropout

    def silence(self, inputs: slice) -> None:
        """Start with these inputs without effect."""
        first = self.hidden[0] if len(self.hidden) else self.head
        if isinstance(first, StackedLinear):
            first.weight.data[:, inputs] = 0.0

    def forward(self, values: Tensor, generator: Generator | None = None) -> Tensor:
        for layer in self.hidden:
            step = dropout(self.activation(layer(values)), self.dropout, generator)
            values = values + step if values.shape == step.shape else step
        return values if self.head is None else self.head(values)
