"""The dense backbone with shortcuts."""

from __future__ import annotations

from torch import Generator, Tensor, nn

from anomalib_vae.networks.layers import ACTIVATIONS, StackedLinear, dropout

BLOCK_GAIN = 0.3  # a block starts as a small correction of what passes it by


class ResidualMLP(nn.Module):
    """Blocks of two layers whose result is added to what they read (He et al. 2016, "Identity mappings in deep residual
    networks"); takes and gives what `MLP` does.

    The first of hidden_dims is the width of the stream, each further one the width of a block's hidden layer.
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
        stream = hidden_dims[0] if hidden_dims else inputs
        self.first = StackedLinear(n_members, inputs, stream, generator) if hidden_dims else None
        self.inner = nn.ModuleList(StackedLinear(n_members, stream, width, generator) for width in hidden_dims[1:])
        self.outer = nn.ModuleList(
            StackedLinear(n_members, width, stream, generator, BLOCK_GAIN) for width in hidden_dims[1:]
        )
        self.head = None if outputs is None else StackedLinear(n_members, stream, outputs, generator)
        self.width = stream if outputs is None else outputs
        self.activation, self.dropout = ACTIVATIONS[activation], dropout

    def silence(self, inputs: slice) -> None:
        """Start with these inputs without effect."""
        first = self.first or self.head
        if first is not None:
            first.weight.data[:, inputs] = 0.0

    def forward(self, values: Tensor, generator: Generator | None = None) -> Tensor:
        if self.first is not None:
            values = self.first(values)
            for inner, outer in zip(self.inner, self.outer, strict=True):
                step = self.activation(inner(self.activation(values)))
                values = values + outer(dropout(step, self.dropout, generator))
            values = self.activation(values)
        return values if self.head is None else self.head(values)
