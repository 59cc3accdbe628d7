"""The network of a contractive autoencoder."""

from __future__ import annotations

from anomalib_vae.networks.autoencoder import AutoencoderNetwork
from anomalib_vae.networks.jacobian import squared_jacobian


class ContractiveNetwork(AutoencoderNetwork):
    """Adds the mean over the batch of ‖∂f(x)/∂x‖², the squared Frobenius norm of the encoder's Jacobian."""

    def regulariser(self, batch, code):
        return squared_jacobian(self, batch).mean(-1)
