"""The networks of windows of a time series."""

from __future__ import annotations

from anomalib_vae.codec.windows import WindowLayout
from anomalib_vae.networks.convolutional import ConvolutionalReader, ConvolutionalWriter
from anomalib_vae.networks.ladder import LadderNetwork
from anomalib_vae.networks.recurrent import GATES, RecurrentReader, RecurrentWriter
from anomalib_vae.networks.variational import VariationalNetwork

# the widths of hidden layers that suit each backbone: units, units, units, channels
HIDDEN_DIMS: dict[str, tuple[int, ...]] = {"dense": (256,), "lstm": (64,), "gru": (64,), "conv": (32, 64, 64)}


class SequenceNetwork(VariationalNetwork):
    """One level of latent variables, a code for each window, which the backbone that the architecture names reads and
    writes; the dense one takes a window as the row of a table."""

    layout: WindowLayout

    def reader(self, outputs, generator):
        a, layout = self.architecture, self.layout
        if a.backbone == "dense":
            return super().reader(outputs, generator)
        if a.backbone in GATES:
            return RecurrentReader(a.backbone, layout, a.n_members, a.hidden_dims, outputs, generator)
        return ConvolutionalReader(layout, a.n_members, a.hidden_dims, outputs, generator, a.activation)

    def writer(self, generator):
        a, layout = self.architecture, self.layout
        if a.backbone == "dense":
            return super().writer(generator)
        if a.backbone in GATES:
            return RecurrentWriter(a.backbone, layout, a.n_members, self.code_width, a.hidden_dims[::-1], generator)
        return ConvolutionalWriter(layout, a.n_members, self.code_width, a.hidden_dims[::-1], generator, a.activation)

    def score(self, batch):
        """The bound of a window's log-likelihood, in nats a step of which something was observed."""
        if batch.is_complete:
            return super().score(batch) / self.layout.length
        steps = self.layout.split(batch.observed).amax(-1).sum(-1)
        return super().score(batch) / steps.clamp_min(1.0)


class SequenceLadder(SequenceNetwork, LadderNetwork):
    """Several levels, each half as wide as the one below it: the upper ones tell what is slow."""
