"""The robust variational autoencoder."""

from __future__ import annotations

from anomalib_vae.losses.likelihood import Likelihood
from anomalib_vae.losses.strategies import LIKELIHOODS
from anomalib_vae.models.vae import VAE
from anomalib_vae.parameters import parameter


class RobustVAE(VAE):
    """A VAE trained with correntropy in place of the squared error: cells far from what is expected stop pulling.

    Qi et al. 2014, "Robust feature learning by stacked autoencoder with maximum correntropy criterion".  See
    `anomalib_vae.losses.correntropy.Correntropy` for the kernel, its bandwidth and the scale that scores use.
    """

    likelihood: str | Likelihood = parameter(
        default="correntropy", options=tuple(LIKELIHOODS), doc="Of the numeric columns."
    )
