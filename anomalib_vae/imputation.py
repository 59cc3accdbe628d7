"""The role of an imputer: the frame that went in comes back with its gaps filled."""

from __future__ import annotations

import warnings

from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from anomalib_vae.codec.empty import EmptyCodec
from anomalib_vae.models.validation import checked
from anomalib_vae.roles import Role


class VAEImputer(OneToOneFeatureMixin, TransformerMixin, Role):
    """Fills each missing cell with what a model, `DenoisingVAE()` unless another is given, expects there.

    Numbers get the conditional mean, inside the range seen in training; integers are rounded, labels and booleans get
    the most probable level.  Cells that were observed come back untouched, with their dtypes; so do the cells of
    columns that had no observed value in training, which stay missing, with a warning.
    """

    def _default_model(self):
        from anomalib_vae.models.denoising import DenoisingVAE

        return DenoisingVAE()

    def fit(self, X, y=None):
        """Fit the model to the rows of X, gaps and all; y is ignored."""
        self._fit_model(X)
        if not hasattr(self.model_, "expected_features"):
            raise TypeError(f"VAEImputer.model must be a model of this package, got {type(self.model_).__name__}")
        return self

    def transform(self, X):
        """X with its gaps filled: the same kind of frame or array, of the same shape, names, index and dtypes."""
        check_is_fitted(self)
        X = checked(self, X, reset=False)
        codec = self.model_.codec_
        empty = [str(c.name) for c in codec.codecs if isinstance(c, EmptyCodec)]
        if empty:
            warnings.warn(
                f"columns without any observed value in training stay as they are: {', '.join(empty)}. Drop them, or "
                "fill them by a rule of your own.",
                stacklevel=2,
            )
        return codec.fill(X, self.model_.expected_features(X))
