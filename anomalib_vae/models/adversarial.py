"""The adversarial autoencoder."""

from __future__ import annotations

from anomalib_vae.models.autoencoder import Autoencoder
from anomalib_vae.networks.adversarial import AdversarialNetwork, Architecture
from anomalib_vae.parameters import parameter

WIDEST = 8  # code that is chosen for a user: an encoder without chance can't fill many dimensions as the prior does


class AdversarialAutoencoder(Autoencoder):
    """An autoencoder whose codes a critic can't tell from draws of the prior N(0, I).

    Makhzani et al. 2015, "Adversarial autoencoders": where a VAE has KL(q(z|x) ‖ p(z)) of each row, here the law of all
    codes together is brought to p(z), by a critic D of codes in place of a formula.  The autoencoder minimises its
    reconstruction error - penalty · log D(f(x)), the critic the cross-entropy of its verdicts, with a penalty on its
    gradient that keeps the two stable (R1: Mescheder, Geiger & Nowozin 2018).

    So `sample` decodes draws from N(0, I), and a code of zeros is the middle of the data.  `score_samples` is
    log p(x | g(z)) + log p(z) at z = f(x), in nats, without the constant of p(z): a row is unusual that is badly
    reconstructed, and one whose code is where no row's is.  It is no bound of log p(x).  latent_dim "auto": half the
    columns or pixels, at most 8.
    """

    penalty: float = parameter(default=5.0, at_least=0.0, doc="Weight of the critic's verdict, in nats of a row.")
    gradient_penalty: float = parameter(default=1.0, at_least=0.0, doc="Weight of the critic's squared gradient, R1.")

    network_class = AdversarialNetwork
    architecture_class = Architecture

    def _latent_dims(self, columns):
        return (min(max(columns // 2, 1), WIDEST) if self.latent_dim == "auto" else int(self.latent_dim),)

    def _after_training(self, data, some, generator):
        """The prior is what it was: no Gaussian is fitted to the codes."""
