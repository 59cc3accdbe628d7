"""The autoencoder."""

from __future__ import annotations

from typing import cast

from anomalib_vae.losses.likelihood import Likelihood
from anomalib_vae.losses.strategies import LIKELIHOODS
from anomalib_vae.models.encoder_decoder import EncoderDecoderModel
from anomalib_vae.networks.autoencoder import Architecture, AutoencoderNetwork
from anomalib_vae.networks.layers import ACTIVATIONS
from anomalib_vae.parameters import parameter

WIDEST = 32  # code that is chosen for a user


class Autoencoder(EncoderDecoderModel):
    """Autoencoder: an encoder z = f(x) and a decoder g(z), trained so that g(f(x)) is like x.

    Rumelhart, Hinton & Williams 1986; Hinton & Salakhutdinov 2006, "Reducing the dimensionality of data with neural
    networks".  Linear and without hidden layers it spans what PCA spans (Baldi & Hornik 1989).  With a `corruption` it
    is a denoising autoencoder (Vincent et al. 2010), with likelihood="correntropy" a robust one (Qi et al. 2014).

    Training minimises the squared error of numbers, standardised, or of pixels between 0 and 1, plus the cross-entropy
    of labels and booleans.  `score_samples` is log p(x | g(f(x))) in nats, with a Gaussian of learned scales: minus the
    squared error in these units, which columns of any kind have in common.  It is no bound of log p(x): what an
    autoencoder can copy it finds normal, so a code wider than the data (`latent_dim`) tells little without a penalty.

    `sample` decodes codes drawn from a Gaussian with the mean and covariance of training codes, without noise about
    what they stand for: an autoencoder has no prior of its own.  latent_dim "auto": half the columns or pixels, at most
    32.
    """

    likelihood: str | Likelihood = parameter(
        default="squared_error", options=tuple(LIKELIHOODS), doc="Of the numeric columns; 'bernoulli' of grey pixels."
    )
    code_activation: str = parameter(default="linear", options=tuple(ACTIVATIONS), doc="Of the code.")

    learning_rate = 0.01
    auto_steps = 2000
    network_class = AutoencoderNetwork
    architecture_class = Architecture

    def _latent_dims(self, columns):
        return (min(max(columns // 2, 1), WIDEST) if self.latent_dim == "auto" else int(self.latent_dim),)

    def _after_training(self, data, some, generator):
        cast(AutoencoderNetwork, self.network_).fit_codes(self._for_network(some))
