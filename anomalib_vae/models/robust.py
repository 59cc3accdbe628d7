"""The robust variational autoencoder."""

from __future__ import annotations

from anomalib_vae.models.vae import VAE


class RobustVAE(VAE):
    """A VAE trained with correntropy in place of the squared error: cells far from what is expected stop pulling.

    Qi et al. 2014, "Robust feature learning by stacked autoencoder with maximum correntropy criterion".  See
    `anomalib_vae.losses.correntropy.Correntropy` for the kernel, its bandwidth and the scale that scores use:
    `score_samples` is the bound of `VAE` with a Gaussian of that scale.
    """

    likelihood = "correntropy"
