"""The conditional variational autoencoder."""

from __future__ import annotations

import numpy as np

from anomalib_vae.models.labelled import Labelled
from anomalib_vae.models.vae import ACTIVE, VAE
from anomalib_vae.networks.conditional_variational import Architecture, ConditionalVariationalNetwork


class ConditionalVAE(Labelled, VAE):
    """A VAE of rows given their labels, `fit(X, y)`, some of which may be unknown; `sample(n, y=7)` draws sevens.

    See `anomalib_vae.networks.conditional_variational.ConditionalVariationalNetwork` for the model and its reference.
    `score_samples(X, y)` is a lower bound of log p(x|y) in nats, `score_samples(X)` of log p(x) = log Σ_y p(y) p(x|y);
    the latter takes as many times longer as there are classes.

    prior "aggregate" is each class's own: `sample(n, y)` draws z from where rows of that class have it.  "normal" is
    the same N(0, I) for all of them; such a z may contradict the class, which then is shown less surely.

    A row's code is, for each member, the posterior's mean of z and the probabilities of the classes, in the order of
    `classes_`: so nothing but `fit` needs labels, and a code with another class is the same row in another class.
    `predict_proba` gives the same probabilities, the members' mean: a classifier q(y|x) learns them from the rows with
    labels; it does not learn from the others, encoder and decoder do.
    """

    prior = "aggregate"  # from N(0, I) comes many a z that contradicts the label
    auto_steps = 4000  # with 2,500 pictures are blurred, and fewer show the class that was asked for
    network_class = ConditionalVariationalNetwork
    architecture_class = Architecture

    def predict_proba(self, X) -> np.ndarray:
        """Of each row the probabilities of `classes_`, (rows, classes)."""
        return self._evaluate(lambda batch: self.network_.label_probability(batch).mean(0), self.rows(X))

    def predict(self, X) -> np.ndarray:
        """The most probable class of each row, (rows,)."""
        probability = self.predict_proba(X)
        return self.classes_[probability.argmax(1)]

    def _latent_dims(self, columns):
        return (*super()._latent_dims(columns), len(self.labels_))

    def _count_active(self, data):
        z = self.network_.encode(self._for_network(data))[..., : self.network_.z_width]
        return int((z.var(1, correction=0) > ACTIVE).sum(-1).median())
