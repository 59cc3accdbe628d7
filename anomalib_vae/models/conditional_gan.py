"""The conditional generative adversarial network."""

from __future__ import annotations

from anomalib_vae.models.gan import GAN
from anomalib_vae.models.labelled import Labelled
from anomalib_vae.networks.conditional_gan import Architecture, ConditionalGANNetwork


class ConditionalGAN(Labelled, GAN):
    """A GAN of rows given their labels, `fit(X, y)`, some of which may be unknown; `sample(n, y=7)` draws sevens.

    Mirza & Osindero 2014, "Conditional generative adversarial nets", with the critic of Miyato & Koyama 2018; see
    `anomalib_vae.networks.conditional_gan.ConditionalGANNetwork`, and `GAN` for the rest.  `score_samples(X, y)` is the
    one of `GAN`, whose generator is told the label; `score_samples(X)` the logarithm of its mean over the classes, by
    their shares, and takes as many times longer as there are classes.

    A row's code is, for each member, z and the probabilities of the classes, in the order of `classes_`: so nothing but
    `fit` needs labels, and a code with another class is the same row in another class.
    """

    network_class = ConditionalGANNetwork
    architecture_class = Architecture

    def _latent_dims(self, columns):
        return (*super()._latent_dims(columns), len(self.labels_))
