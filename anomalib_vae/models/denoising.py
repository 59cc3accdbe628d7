"""The denoising variational autoencoder."""

from __future__ import annotations

from anomalib_vae.losses.corruptions import Corruption
from anomalib_vae.losses.strategies import CORRUPTIONS
from anomalib_vae.models.vae import VAE
from anomalib_vae.networks.layers import ACTIVATIONS
from anomalib_vae.parameters import parameter


class DenoisingVAE(VAE):
    """A VAE that reads a spoiled copy of each row in training and must give back the row as it was.

    Im et al. 2017, "Denoising criterion for variational auto-encoding framework"; with cells hidden at a rate drawn for
    each row it learns every conditional distribution p(hidden cells | seen cells), which is what imputation needs
    (Ivanov, Figurnov & Vetrov 2019, "Variational autoencoder with arbitrary conditioning").
    """

    corruption: str | Corruption | None = parameter(
        default="mask", options=tuple(CORRUPTIONS), doc="Of the input in training."
    )
    seen_weight: float = parameter(
        default=0.2, at_least=0.0, doc="Weight of cells that a corruption left, against hidden ones."
    )
    n_bins: int = parameter(default=24, at_least=0, doc="Piecewise-linear bins of each numeric input; 0 for none.")
    beta: float = parameter(
        default=0.02, at_least=0.0, doc="Weight of the divergence in training (Higgins et al. 2017)."
    )
    hidden_dims: tuple[int, ...] = parameter(
        default=(192, 192), at_least=1, doc="Widths of the encoder's hidden layers."
    )
    activation: str = parameter(default="silu", options=tuple(ACTIVATIONS), doc="Of the hidden layers.")
