"""The variational autoencoder."""

from __future__ import annotations

import math
import warnings
from typing import ClassVar, cast

import numpy as np
import torch

from anomalib_vae.codec.batch import Batch
from anomalib_vae.models.codes import whole_number
from anomalib_vae.models.encoder_decoder import EncoderDecoderModel
from anomalib_vae.networks.variational import Architecture, VariationalNetwork
from anomalib_vae.parameters import parameter

MAX_REFERENCES = 3000  # rows in a member's aggregate prior: scoring a row costs as many distances
ACTIVE = 0.01  # Burda et al. 2016 call a unit active whose posterior mean varies more than this over the data


class VAE(EncoderDecoderModel):
    """Variational autoencoder: an encoder q(z|x), a decoder p(x|z) and the prior p(z) = N(0, I).

    Kingma & Welling 2014, "Auto-encoding variational Bayes".  `score_samples` is a lower bound of log p(x) in nats, the
    mean over two draws of z that all rows share; with `importance_samples` the tighter one of Burda, Grosse &
    Salakhutdinov 2016, "Importance weighted autoencoders".  `log_likelihood` comes closer, and takes longer.
    """

    beta: float = parameter(
        default=1.0, at_least=0.0, doc="Weight of the divergence in training (Higgins et al. 2017)."
    )
    warmup: float = parameter(
        default=0.0, at_least=0.0, at_most=1.0, doc="Part of the training in which beta rises from 0."
    )
    free_bits: float = parameter(
        default=0.0, at_least=0.0, doc="Nats that each latent dimension may carry for nothing."
    )
    importance_samples: int = parameter(
        default=1, at_least=1, doc="Draws of the importance-weighted bound; 1 is the ELBO."
    )
    prior: str = parameter(
        default="normal", options=("normal", "aggregate"), doc="After training; in it always N(0, I)."
    )

    facts = (*EncoderDecoderModel.facts, "active_units_")
    network_class: ClassVar[type[VariationalNetwork]] = VariationalNetwork
    architecture_class = Architecture

    def log_likelihood(self, X, n_samples: int = 1000) -> np.ndarray:
        """log p(x) of each row, (rows,), in nats: estimated by importance weighting with draws from the encoder.

        log 1/K Σ_k p(x|z_k) p(z_k) / q(z_k|x), z_k ~ q(z|x), K = n_samples (Rezende, Mohamed & Wierstra 2014; Burda,
        Grosse & Salakhutdinov 2016).  In expectation a lower bound that rises to log p(x) with K; 1 is the ELBO.  The
        members are a mixture in equal parts, as `sample` draws from them: the log of the mean of their likelihoods.
        p(x|z) is that of `score_samples`, of the cells that are observed; the prior is the one in `prior`.  All rows
        share the draws, which are the same each time.  It takes n_samples as long as a reconstruction.
        Raises TypeError for series, whose rows are in many windows, and ValueError for n_samples below 1.
        """
        if self.rows_are_steps:
            raise TypeError(
                f"{type(self).__name__} models windows that overlap, so a row has no likelihood of its own: take "
                "score_samples, the mean bound of the windows that hold it"
            )
        whole_number("n_samples", n_samples, 1)
        rows = self.rows(X)
        network = cast(VariationalNetwork, self.network_)

        def of_mixture(batch: Batch) -> torch.Tensor:
            return torch.logsumexp(network.log_likelihood(batch, n_samples), 0) - math.log(network.n_members)

        return self._evaluate(of_mixture, rows)

    def _latent_dims(self, columns: int) -> tuple[int, ...]:
        return (min(max(columns, 2), 64) if self.latent_dim == "auto" else int(self.latent_dim),)

    def _after_training(self, data, some, generator):
        if self.prior == "aggregate":
            references = data[self._references(data, generator)].to(self._place(), torch.float64)
            cast(VariationalNetwork, self.network_).fit_prior(references)
        self.active_units_ = self._count_active(some)
        if self.active_units_ == 0:
            warnings.warn(
                "posterior collapse: no latent dimension depends on the data, so each column is modelled by itself. If "
                "the columns are not independent, lower beta, or set warmup or free_bits.",
                stacklevel=3,
            )

    def _references(self, data, generator):
        """Positions of the rows that make up each member's prior, (members, references), drawn from all rows."""
        count = min(MAX_REFERENCES, len(data))
        return torch.stack([torch.randperm(len(data), generator=generator)[:count] for _ in range(self.n_members)])

    def _count_active(self, data) -> int:
        """Latent dimensions whose posterior mean varies over the data; the median over the members."""
        means = self.network_.encode(self._for_network(data))
        return int((means.var(1, correction=0) > ACTIVE).sum(-1).median())
