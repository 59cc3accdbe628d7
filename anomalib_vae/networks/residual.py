"""The dense backbone with shortcuts."""

from __future__ import annotations

from torch import nn

from anomalib_vae.networks.layers import StackedLinear, dropout
from anomalib_vae.networks.mlp import MLP

BLOCK_GAIN = 0.3  # a block starts as a small correction of what passes it by


class ResidualMLP(MLP):
    """Blocks of two layers whose result is added to what they read (He et al. 2016, "Identity mappings in deep residual
    networks").

    The first of hidden_dims is the width of the stream, each further one the width of a block's hidden layer.
    """

    def build_hidden(self, n_members, inputs, hidden_dims, generator):
        stream = hidden_dims[0] if hidden_dims else inputs
        self.first = StackedLinear(n_members, inputs, stream, generator) if hidden_dims else None
        self.inner = nn.ModuleList(StackedLinear(n_members, stream, width, generator) for width in hidden_dims[1:])
        self.outer = nn.ModuleList(
            StackedLinear(n_members, width, stream, generator, BLOCK_GAIN) for width in hidden_dims[1:]
        )
        return stream

    def through_hidden(self, values, generator):
        if self.first is None:
            return values
        values = self.first(values)
        for inner, outer in zip(self.inner, self.outer, strict=True):
            step = self.activation(inner(self.activation(values)))
            values = values + outer(dropout(step, self.dropout, generator))
        return self.activation(values)
