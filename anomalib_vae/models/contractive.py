"""The contractive autoencoder."""

from __future__ import annotations

from anomalib_vae.models.autoencoder import Autoencoder
from anomalib_vae.networks.contractive import ContractiveNetwork
from anomalib_vae.parameters import parameter


class ContractiveAutoencoder(Autoencoder):
    """An autoencoder whose code changes little where x changes little: penalty · ‖∂f(x)/∂x‖²_F is added to the loss.

    Rifai et al. 2011, "Contractive auto-encoders: explicit invariance during feature extraction".  The norm is exact:
    in closed form for one logistic layer, the default, and by differentiating every unit of the code where there are
    hidden layers or convolutions, which takes several times as long; see `anomalib_vae.networks.jacobian`.
    `score_samples` is that of `Autoencoder`.
    """

    penalty: float = parameter(default=0.03, at_least=0.0, doc="Weight of the squared norm, in nats of a row.")

    hidden_dims = ()
    code_activation = "sigmoid"
    backbone = "dense"
    network_class = ContractiveNetwork
