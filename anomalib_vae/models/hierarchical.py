"""The hierarchical variational autoencoder."""

from __future__ import annotations

from anomalib_vae.models.vae import VAE
from anomalib_vae.networks.ladder import LadderNetwork
from anomalib_vae.parameters import parameter


class HierarchicalVAE(VAE):
    """A VAE with several levels of latent variables, each half as wide as the one below it.

    The prior of a level depends on the levels above, so it is richer than N(0, I).  See
    `anomalib_vae.networks.ladder.LadderNetwork` for the model and its references.  `transform` gives all levels, the
    lowest first; `score_samples` is the bound of `VAE`, with the divergences of all levels.
    """

    n_levels: int = parameter(default=2, at_least=2, doc="Levels of latent variables.")

    prior: str = parameter(default="normal", options=("normal",), doc="Of the topmost level; those below learn theirs.")

    network_class = LadderNetwork

    def _latent_dims(self, columns):
        (lowest,) = super()._latent_dims(columns)
        return tuple(max(1, lowest // 2**level) for level in range(self.n_levels))
