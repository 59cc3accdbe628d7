"""The network of a conditional GAN."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.labels import apart, beside
from anomalib_vae.losses.divergences import gaussian_log_density
from anomalib_vae.networks import gan
from anomalib_vae.networks.gan import GANNetwork
from anomalib_vae.networks.labelled import LabelledNetwork


@dataclass(frozen=True)
class Architecture(gan.Architecture):
    """latent_dims: of z, and the number of classes.  class_shares: of each class in training."""

    class_shares: tuple[float, ...] = ()


class ConditionalGANNetwork(LabelledNetwork, GANNetwork):
    """A generator G(z, y), and a critic of rows with their labels by projection: its verdict on (x, y) is a(x) + b_y(x)
    (Miyato & Koyama 2018, "cGANs with projection discriminator"), and a(x) where the label is not known.

    The encoder gives z and the probabilities of the classes, which it learns from the rows with labels.
    """

    architecture: Architecture

    def build_critic(self, outputs, generator):
        return super().build_critic(outputs + self.n_classes, generator)

    # ------------------------------------------------------------------ training
    def real(self, batch):
        rows, labels = self.apart(batch)
        return beside(super().real(rows), labels)

    def judge(self, targets):
        rows, labels = self._targets_apart(targets)
        verdicts = self.verdicts(rows)
        # no gradient through labels: the critic is penalised for slopes along x
        return verdicts[..., 0] + (labels.values.detach() * verdicts[..., 1:]).sum(-1)

    def fake_like(self, real, generator):
        """With the labels of these rows, and a drawn one, which the critic is not told, where none is known."""
        rows, labels = self._targets_apart(real)
        code = self.prior(rows.values.shape[1], generator)
        z, drawn = code.split(self.architecture.latent_dims, -1)
        label = torch.where(labels.observed > 0, labels.values, drawn)
        return beside(self.fake_at(torch.cat([z, label], -1), rows, generator), labels)

    def prior(self, rows, generator):
        """Codes from N(0, I), with labels drawn by their shares."""
        code = super().prior(rows, generator)
        drawn = torch.multinomial(self.class_shares, rows * self.n_members, replacement=True, generator=generator)
        label = one_hot(drawn, self.n_classes).to(code).unflatten(0, (self.n_members, rows))
        return torch.cat([code[..., : self.z_width], label], -1)

    def _targets_apart(self, targets: Batch) -> tuple[Batch, Batch]:
        return apart(targets, targets.values.shape[-1] - self.n_classes, self.n_classes)

    # ------------------------------------------------------------------ use
    def encode(self, batch):
        rows, labels = self.apart(batch)
        z, logits = self.encoder(self.inputs(rows)).split(self.architecture.latent_dims, -1)
        return torch.cat([z, torch.where(labels.observed > 0, labels.values, torch.softmax(logits, -1))], -1)

    def code_log_prob(self, code, batch):
        """log N(z; 0, I), and log q(y|x) where the label is known."""
        rows, labels = self.apart(batch)
        logits = self.encoder(self.inputs(rows))[..., self.z_width :]
        of_labels = (labels.values * torch.log_softmax(logits, -1)).sum(-1)
        return gaussian_log_density(code[..., : self.z_width]).sum(-1) + of_labels

    def generate(self, rows: int, generator: Generator, labels: Tensor | None = None) -> Tensor:
        """labels: one-hot, (rows, classes); None: drawn by their shares."""
        code = self.prior(-(-rows // self.n_members), generator)
        return self.rows_at(code if labels is None else self.with_labels(code, labels), generator)[:rows]
