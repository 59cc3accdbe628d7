"""What the roles share: they wrap a model, fitted here or before, and are saved together with it."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state

from anomalib_vae.models.validation import checked
from anomalib_vae.parameters import Parameterized, parameter
from anomalib_vae.persistence import Persistable


class Role(MetaEstimatorMixin, Persistable, Parameterized, BaseEstimator):
    """Base of the roles.  `model_` is the fitted model; one inside a FrozenEstimator is used as it is."""

    model: Any = parameter(
        default=None, kw_only=False, doc="To fit, or as it is inside FrozenEstimator; None: the default."
    )
    random_state: int | np.random.RandomState | None = parameter(
        default=None, doc="Seed; None leaves the model its own."
    )

    def _default_model(self) -> Any:
        raise NotImplementedError

    @property
    def _rows_are_steps(self) -> bool:
        """Whether the order of rows says something to the model."""
        return getattr(self._default_model() if self.model is None else self.model, "rows_are_steps", False)

    @property
    def takes_images(self) -> bool:
        """Whether X may be a stack of images."""
        return getattr(self._default_model() if self.model is None else self.model, "takes_images", False)

    def _model_for(self, X) -> Any:
        """The model that is fitted to X, before it is."""
        return clone(self._default_model() if self.model is None else self.model)

    def _fit_model(self, X) -> Any:
        """Check the parameters and X, set `model_`, and give X back as checked."""
        self.check_parameters()
        X = checked(self, X, reset=True)
        model = self._model_for(X)
        if self.random_state is not None and "random_state" in model.get_params():
            model.set_params(random_state=int(check_random_state(self.random_state).randint(2**31 - 1)))
        self.model_ = model.fit(X, None)  # FrozenEstimator.fit asks for a y
        return X

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags

    def learned(self) -> dict[str, Any]:
        model = self.model_.estimator if isinstance(self.model_, FrozenEstimator) else self.model_
        if not isinstance(model, Persistable):
            raise TypeError(
                f"{type(self).__name__}.model: a {type(model).__name__} can't be saved, only models of ours"
            )
        return {"model": model}

    def relearn(self, learned: dict[str, Any]) -> None:
        self.model_ = learned["model"]
        self.n_features_in_ = self.model_.n_features_in_
        if hasattr(self.model_, "feature_names_in_"):
            self.feature_names_in_ = self.model_.feature_names_in_
