"""The sparse autoencoder."""

from __future__ import annotations

from anomalib_vae.models.autoencoder import Autoencoder
from anomalib_vae.networks.sparse import Architecture, SparseNetwork
from anomalib_vae.parameters import parameter


class SparseAutoencoder(Autoencoder):
    """An autoencoder of which each code unit is active for few rows: penalty · Σ_j KL(ρ ‖ ρ̂_j) is added to the loss.

    ρ is `sparsity`, ρ̂_j the mean of unit j's logistic activation over a batch (Ng 2011, "Sparse autoencoder", CS294A
    lecture notes; Lee, Ekanadham & Ng 2008).  So the code may be wider than the data: "auto" is 128.  `score_samples`
    is that of `Autoencoder`.
    """

    sparsity: float = parameter(default=0.05, above=0.0, below=1.0, doc="Mean activation of a code unit, ρ.")
    penalty: float = parameter(default=5.0, at_least=0.0, doc="Weight of the divergence, in nats of a row.")

    code_activation: str = parameter(
        default="sigmoid", options=("sigmoid",), doc="Of the code: a share of 1, as the divergence takes it."
    )
    network_class = SparseNetwork
    architecture_class = Architecture

    def _latent_dims(self, columns):
        return (128 if self.latent_dim == "auto" else int(self.latent_dim),)
