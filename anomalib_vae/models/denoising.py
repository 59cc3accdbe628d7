"""The denoising variational autoencoder."""

from __future__ import annotations

from anomalib_vae.models.vae import VAE


class DenoisingVAE(VAE):
    """A VAE that reads a spoiled copy of each row in training and must give back the row as it was.

    Im et al. 2017, "Denoising criterion for variational auto-encoding framework"; with cells hidden at a rate drawn for
    each row it learns every conditional distribution p(hidden cells | seen cells), which is what imputation needs
    (Ivanov, Figurnov & Vetrov 2019, "Variational autoencoder with arbitrary conditioning").
    """

    corruption = "mask"
    seen_weight = 0.2
    n_bins = 24
    beta = 0.02
    prior = "aggregate"  # so small a beta leaves the codes far from N(0, I)
    hidden_dims = (192, 192)
    activation = "silu"
    n_members = 4
