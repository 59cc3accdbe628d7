"""What models of rows and their labels share: labels are learned with the rows, and asked for in samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.labels import LabelledRows, Labels, beside
from anomalib_vae.models.codes import whole_number

if TYPE_CHECKING:
    from anomalib_vae.models.base import Model
else:
    Model = object  # a model comes after this class among the bases of another: Labelled, VAE


class Labelled(Model):
    """Makes a model one of X given y.  The label is one more column, which may be missing.

    Its network is given batches with the one-hot label as further features where labels are known, and batches without
    these where nobody asks for labels; `codec.labels.apart` splits them.  `network.generate(rows, generator, labels)`
    takes one-hot labels of new rows, (rows, classes), or None, where it draws them by their shares.

    Attributes after fit
    --------------------
    classes_ : the labels of training, sorted.
    labels_ : Labels, what was learned of y.
    """

    labels_: Labels
    network_: Any

    def fit(self, X, y=None):
        """Learn the distribution of the rows of X given their labels y.

        y: (rows,) of integers, strings or booleans, at least two classes; None or NaN where a label is not known.
        Raises ValueError or TypeError as that of other models, and for a y that is missing or does not hold labels.
        """
        if y is None:
            name = type(self).__name__
            raise ValueError(
                f"{name} requires y to be passed, but the target y is None: give fit a label for each row, and None "
                f"for a row whose label is not known. A role passes no labels on: give it a model that is fitted, "
                f"FrozenEstimator({name}().fit(X, y))"
            )
        return super().fit(X, y)

    def _training_rows(self, X, y) -> Batch:
        rows = super()._training_rows(X, y)
        self.labels_ = Labels.fit(y, len(rows))
        return beside(rows, self.labels_.encode(y, len(rows)))

    @property
    def classes_(self) -> np.ndarray:
        """As they were in y, (classes,)."""
        return np.array(self.labels_.classes)

    @property
    def class_shares(self) -> tuple[float, ...]:
        """Of each class among the labels that are known in training."""
        return self.labels_.shares

    def score_samples(self, X, y=None) -> np.ndarray:
        """One number a row, (rows,): higher = more normal.

        y: labels, for the score of a row given its label; None, for all or for some of them: whatever the label, which
        is the logarithm of the mean over the classes, by their shares, of the exponentials, in each member.
        """
        rows = self.rows(X)
        return self.by_row(self.score_batch(rows if y is None else self._with_labels(rows, y)), rows)

    def score(self, X, y=None) -> float:
        """The mean of `score_samples`."""
        return float(np.mean(self.score_samples(X, y)))

    def _with_labels(self, rows, y) -> LabelledRows:
        return LabelledRows(rows, self.labels_.encode(y, len(rows)))

    def sample(self, n_samples: int = 1, y=None):
        """New rows drawn from the model, a frame or images like those of training.

        y: a label for all of them, or one for each, (n_samples,); None: drawn by the shares of the classes in training.
        An int as random_state draws the same rows each time, and those of several labels from the same noise.
        """
        check_is_fitted(self)
        whole_number("n_samples", n_samples, 1)
        generator = torch.Generator(self._place()).manual_seed(self._seed())
        labels = self.labels_.draw(y, n_samples, generator)
        return self.codec_.decode(self.network_.generate(n_samples, generator, labels).cpu().numpy())

    # ------------------------------------------------------------------ contract
    def learned(self) -> dict[str, Any]:
        """With what was learned of y."""
        return super().learned() | {"labels": self.labels_.to_json()}

    def relearn(self, learned: dict[str, Any]) -> None:
        """Take over what `learned` gave."""
        self.labels_ = Labels.from_json(learned["labels"])
        super().relearn(learned)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
