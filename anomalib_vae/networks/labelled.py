"""What networks of rows with labels share: batches hold the label as further features, or are without these."""

from __future__ import annotations

import torch
from torch import Tensor

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.labels import apart, beside
from anomalib_vae.networks.encoder_decoder import EncoderDecoder


class LabelledNetwork(EncoderDecoder):
    """Comes before a network among the bases of one that is given labels; see `codec.labels` for how batches hold them.

    The code is z with the one-hot label beside it; latent_dims: the width of z and the number of classes.
    class_shares: of each class in training.
    """

    class_shares: Tensor
    z_width: int
    n_classes: int

    def __init__(self, layout, architecture, generator):
        super().__init__(layout, architecture, generator)
        self.register_buffer("class_shares", torch.tensor(architecture.class_shares), persistent=False)

    def build_latents(self, generator):
        self.z_width, self.n_classes = self.architecture.latent_dims
        super().build_latents(generator)

    def apart(self, batch: Batch) -> tuple[Batch, Batch]:
        """The rows, and their labels, observed where they are known."""
        return apart(batch, self.layout.width, self.n_classes)

    def spoil(self, batch, generator):
        rows, labels = self.apart(batch)
        return beside(super().spoil(rows, generator), labels)

    def score(self, batch: Batch) -> Tensor:
        """Of x given y, in nats; log Σ_y p(y) exp(score given y) where the label is not known."""
        rows, labels = self.apart(batch)
        if bool((labels.observed > 0).all()):
            return super().score(batch)
        given = torch.stack([self._score_given(rows, label) for label in range(self.n_classes)], -1)
        marginal = torch.logsumexp(given + self.class_shares.log(), -1)
        return torch.where(labels.observed[..., 0] > 0, (labels.values * given).sum(-1), marginal)

    def _score_given(self, rows: Batch, label: int) -> Tensor:
        """The score of rows were they all of that class, (members, rows)."""
        values = rows.values.new_zeros((*rows.values.shape[:-1], self.n_classes))
        values[..., label] = 1.0
        return super().score(beside(rows, Batch.complete(values)))

    def with_labels(self, code: Tensor, labels: Tensor) -> Tensor:
        """New codes with these one-hot labels, (rows, classes), which members take in turn as `generate` takes rows."""
        turn = torch.arange(code.shape[0] * code.shape[1], device=labels.device).clamp_max(len(labels) - 1)
        dealt = labels.to(code)[turn].unflatten(0, (-1, self.n_members)).movedim(1, 0)
        return torch.cat([code[..., : self.z_width], dealt], -1)
