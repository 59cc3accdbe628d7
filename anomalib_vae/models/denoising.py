"""The denoising variational autoencoder."""

from __future__ import annotations

from typing import cast

import torch

from anomalib_vae.codec.batch import Batch
from anomalib_vae.models import conditional, left_out
from anomalib_vae.models.vae import VAE
from anomalib_vae.networks.denoising import DenoisingNetwork
from anomalib_vae.parameters import parameter

LINEAR_ROWS = 10_000  # that a linear model is fitted to, at most: it needs no more
LEAST_STEPS, PASSES = 500, 225  # of a training on few rows
MANY_ROWS, MANY_ROWS_STEPS = 20_000, 1500
RATE, RATE_ROWS = 3e-3, 256  # the more rows, the surer a step (Goyal et al. 2017, "Accurate, large minibatch SGD")
IMAGE_STEPS = 2500
FEW_ROWS = 40  # with fewer no cell is held out


class DenoisingVAE(VAE):
    """A VAE that reads a spoiled copy of each row in training and must give back the row as it was.

    Im et al. 2017, "Denoising criterion for variational auto-encoding framework"; with cells hidden at a rate drawn for
    each row it learns every conditional distribution p(hidden cells | seen cells), which is what imputation needs
    (Ivanov, Figurnov & Vetrov 2019, "Variational autoencoder with arbitrary conditioning").

    What it expects in a missing cell is a mean of the network's word, that of a Gaussian fitted by EM, and the cells of
    training rows that are alike, weighed for each column on cells held out from all; see
    `anomalib_vae.networks.stacking.Stacking` and `.donors.Donors`.  Of images it is the network's word alone.

    `score_samples` is the bound of `VAE`, of the row as it is, not spoiled.

    Attributes after fit, beside those of every model: unseen_cells_, what was expected in the cells that were held out,
    by column (see `left_out.LeftOut`), on which an imputer is calibrated; None of images.
    """

    corruption = "mask"
    seen_weight = 0.2
    likelihood = "mean_seeking"
    n_bins = 24
    beta = 0.001
    prior = "aggregate"  # so small a beta leaves the codes far from N(0, I)
    hidden_dims = (192, 192)
    activation = "silu"
    n_members = 1
    batch_size: int | str = parameter(  # type: ignore[assignment]
        default="auto", at_least=1, options=("auto",), doc="Rows a step; 'auto': 512 of a table, 128 images."
    )
    learning_rate: float | str = parameter(  # type: ignore[assignment]
        default="auto",
        above=0.0,
        options=("auto",),
        doc="Peak of the schedule (Adam); 'auto': 0.003, and of a table as much for each 256 rows a step.",
    )
    weight_decay: float | str = parameter(  # type: ignore[assignment]
        default="auto", at_least=0.0, options=("auto",), doc="Of AdamW; 'auto': 0.3 for a table, 0 for images."
    )
    stacking_fraction: float = parameter(
        default=0.05,
        at_least=0.0,
        below=1.0,
        doc="Cells held out to weigh what may stand in missing ones; 0: the network alone.",
    )

    auto_steps = 1750
    network_class = DenoisingNetwork

    def _plan(self, rows):
        tables = cast(DenoisingNetwork, self.network_).completes
        batch_size = (512 if tables else 128) if self.batch_size == "auto" else int(self.batch_size)
        rate = RATE * max(1.0, min(batch_size, rows) / RATE_ROWS) if tables else RATE
        rate = rate if self.learning_rate == "auto" else float(self.learning_rate)
        weight_decay = (0.3 if tables else 0.0) if self.weight_decay == "auto" else float(self.weight_decay)
        steps = self._table_steps(rows, batch_size) if tables else IMAGE_STEPS
        return self._planned(rows, steps, batch_size, rate, weight_decay)

    def _table_steps(self, rows: int, batch_size: int) -> int:
        """Few rows are soon learned by heart; many take longer for what else there is to do with them."""
        enough = max(LEAST_STEPS, PASSES * -(-rows // batch_size))
        return min(enough, self.auto_steps if rows <= MANY_ROWS else MANY_ROWS_STEPS)

    def _train(self, data, generator):
        network, layout = cast(DenoisingNetwork, self.network_), self.codec_.layout
        self.unseen_cells_ = None
        if not network.completes:
            return super()._train(data, generator)
        rate = self.stacking_fraction if len(data) >= FEW_ROWS else 0.0
        held_out = torch.rand((len(data), len(layout.blocks)), generator=generator) < rate
        some = torch.randperm(len(data), generator=generator)[:LINEAR_ROWS]
        seen = data.hide(held_out[:, layout.column_of_feature]) if rate else data
        network.inputs.gaussian.fit(seen[some].to(self._place()))
        run = super()._train(seen, generator)
        if self.stacking_fraction:
            self._finish()
            self._weigh(data, seen, held_out, some)
        return run

    def _weigh(self, data: Batch, seen: Batch, held_out: torch.Tensor, some: torch.Tensor) -> None:
        """Weigh what may stand in missing cells on those that are held out, (rows, columns) of bool, of some rows."""
        network = cast(DenoisingNetwork, self.network_)
        rows, seen = (part[some].to(self._place(), torch.float64) for part in (data, seen))
        prediction = network.fit_stacking(rows, seen).cpu().numpy()
        deviation = conditional.moments(network, seen)[1]
        cells = left_out.by_column(self.codec_.layout, rows, held_out[some].numpy(), prediction, deviation)
        self.unseen_cells_ = [part._replace(row=some.numpy()[part.row]) for part in cells]
        network.learn_all(rows)
