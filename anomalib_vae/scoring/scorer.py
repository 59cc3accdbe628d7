"""What the score of a row is made of: the model's, distances from the training rows, and what known anomalies tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils import resample
from sklearn.utils.validation import check_is_fitted

from anomalib_vae.codec.batch import Rows
from anomalib_vae.models.chunks import by_parts
from anomalib_vae.models.validation import checked
from anomalib_vae.parameters import parameter
from anomalib_vae.roles import Role
from anomalib_vae.scoring import known_anomalies, neighbourhood
from anomalib_vae.scoring.image_neighbourhood import ImageNeighbourhood, is_of_images
from anomalib_vae.scoring.known_anomalies import KnownAnomalies
from anomalib_vae.scoring.neighbourhood import Neighbourhood
from anomalib_vae.scoring.window_neighbourhood import WindowNeighbourhood

REFERENCE_ROWS = 2048  # the quantiles of so many scores are known well enough; scoring all rows would double a fit
OF_KNOWN = "known_anomalies."  # before the names of their tensors in a saved detector

AnyNeighbourhood = Neighbourhood | ImageNeighbourhood | WindowNeighbourhood


class Scorer(Role):
    """Base of a role that scores rows: the model, its `Neighbourhood` (of images `ImageNeighbourhood`, of series
    `WindowNeighbourhood`), and `KnownAnomalies` where there are any.

    Attributes after fit: model_, neighbourhood_ and known_anomalies_, either of which may be None.
    """

    neighbour_weight: float = parameter(
        default=1.0, at_least=0.0, doc="Of the distances to training rows; 0: the model's score alone."
    )

    def _default_model(self):
        from anomalib_vae.models.vae import VAE

        return VAE()

    def _fit_score(self, X, known: Any, is_normal: np.ndarray) -> Any:
        """Fit the model to the rows of X, and learn what the rows `known`, or None, tell; give X back as checked.

        is_normal: which rows of X are known to be normal, (rows,) of bool.
        """
        if known is not None and self._rows_are_steps:
            raise ValueError(
                "y: labels of single steps can't be learned from, because a window holds many steps: leave the known "
                "anomalies out of X, with time= in the model so that no window reaches over the cut"
            )
        X = self._fit_model(X)
        self.neighbourhood_ = self._around(self.model_, X, self.neighbour_weight)
        self.known_anomalies_ = None
        if known is not None and hasattr(self.model_, "data_space"):
            rows, anomalies = self.model_.rows(X), self.model_.rows(known)
            self.known_anomalies_ = known_anomalies.learn(self.model_, self._score_batch, rows, is_normal, anomalies)
        return X

    def score_samples(self, X) -> np.ndarray:
        """The model's score of each row less its remoteness from the training rows, lower where it is like known
        anomalies, (rows,), in nats: higher = more normal."""
        check_is_fitted(self)
        model = self.model_
        if not hasattr(model, "rows"):
            return model.score_samples(X)
        if isinstance(self.neighbourhood_, WindowNeighbourhood):
            X = checked(model, X, reset=False)
            return model.score_samples(X) - self.neighbourhood_.remoteness(model, X)
        rows = model.rows(X)
        return model.by_row(self.score_batch(rows), rows)

    def score_batch(self, rows: Rows) -> np.ndarray:
        """The score of rows as the model's codec gives them, (rows,)."""
        known, model = self.known_anomalies_, self.model_
        if known is None:
            return self._score_batch(rows)
        return by_parts(lambda part: known.lower(self._score_batch(part), model.data_space(part)), rows)

    def _score_batch(self, rows: Rows) -> np.ndarray:
        """The score but for what known anomalies tell, and of series but for the distances of windows."""
        model, near = self.model_, self.neighbourhood_
        if near is None or isinstance(near, WindowNeighbourhood):
            return model.score_batch(rows)
        return by_parts(lambda part: model.score_batch(part) - near.remoteness(model.data_space(part)), rows)

    def _scores_of_some(self, X, *, lowest: bool) -> np.ndarray:
        """The scores of the rows of X, of REFERENCE_ROWS random ones where there are more.

        lowest: the lowest score of all rows is to be among them, which takes a look at all.
        """
        if len(X) <= REFERENCE_ROWS:
            return self.score_samples(X)
        if self._rows_are_steps:  # a row has no score without its neighbours
            scores = self.score_samples(X)
            some = resample(scores, replace=False, n_samples=REFERENCE_ROWS, random_state=0)
            some[0] = scores.min() if lowest else some[0]
            return some
        some = resample(X, replace=False, n_samples=REFERENCE_ROWS, random_state=0)
        scores = self.score_samples(some)
        if lowest:
            scores[0] = self.score_samples(X).min()
        return scores

    @property
    def _around(self) -> Callable[[Any, Any, float], AnyNeighbourhood | None]:
        """What makes the neighbourhood of what the fitted model reads: series, images or tables."""
        if self._rows_are_steps:
            return WindowNeighbourhood.around
        return ImageNeighbourhood.around if is_of_images(self.model_) else neighbourhood.around

    def _neighbourhood_from(self, state: dict[str, Any]) -> AnyNeighbourhood:
        if self._rows_are_steps:
            return WindowNeighbourhood.from_state(state, self.model_.codec_)
        if "values" in state:  # of tables, and of images in detectors saved before these had a space of their own
            return Neighbourhood(**state)
        return ImageNeighbourhood.from_state(state)

    def learned(self):
        weights = {} if self.neighbourhood_ is None else self.neighbourhood_.state()
        if self.known_anomalies_ is not None:
            weights = weights | {OF_KNOWN + name: tensor for name, tensor in self.known_anomalies_.state().items()}
        return {**super().learned(), **({"weights": weights} if weights else {})}

    def relearn(self, learned):
        super().relearn(learned)
        weights = learned.get("weights", {})
        known = {name.removeprefix(OF_KNOWN): weights[name] for name in weights if name.startswith(OF_KNOWN)}
        around = {name: tensor for name, tensor in weights.items() if not name.startswith(OF_KNOWN)}
        self.neighbourhood_ = self._neighbourhood_from(around) if around else None
        self.known_anomalies_ = KnownAnomalies(**known) if known else None
