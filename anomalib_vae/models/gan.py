"""The generative adversarial network."""

from __future__ import annotations

from anomalib_vae.models.implicit import ImplicitModel
from anomalib_vae.networks.gan import Architecture, GANNetwork
from anomalib_vae.parameters import parameter


class GAN(ImplicitModel):
    """Generative adversarial network: a generator learns to make rows that a critic can't tell from those of training.

    Goodfellow et al. 2014, "Generative adversarial nets", with what keeps it stable: a penalty on the critic's gradient
    (R1: Mescheder, Geiger & Nowozin 2018), two time-scales (Heusel et al. 2017), and averaged weights of the generator
    once it is used (Yazıcı et al. 2019).  The critic sees which cells are missing; generated rows miss the same ones.
    Generated labels are drawn with gradients by Gumbel-softmax.

    `score_samples` is that of f-AnoGAN (Schlegl et al. 2019) as a likelihood, in nats: an encoder E, trained after the
    generator, finds the code of a row; the score is log p(x | G(E(x))) plus that of the critic's features f(x) given
    f(G(E(x))), each a Gaussian of learned scale.  It is no bound of log p(x).  latent_dim "auto": as many as columns or
    pixels, at most 64.
    """

    gradient_penalty: float = parameter(default=1.0, at_least=0.0, doc="Weight of the critic's squared gradient, R1.")
    averaging: float = parameter(
        default=0.99, at_least=0.0, below=1.0, doc="Of the generator's average, what a step keeps."
    )

    activation = "leaky_relu"
    learning_rate = 2e-3
    batch_size = 64
    channels: tuple[int, ...] = parameter(default=(32, 64), at_least=1, doc="Of the convolutional layers.")
    auto_steps = 3000
    network_class = GANNetwork
    architecture_class = Architecture
