"""The role of an anomaly detector: a threshold, verdicts and reasons for any model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import OutlierMixin
from sklearn.utils import resample
from sklearn.utils.validation import check_is_fitted

from anomalib_vae.codec import frames
from anomalib_vae.parameters import parameter
from anomalib_vae.roles import Role

THRESHOLD_ROWS = 2048  # the quantiles of so many scores are known well enough; scoring all rows would double a fit


class AnomalyDetector(OutlierMixin, Role):
    """Tells anomalies from normal rows by the score of a model, `VAE()` unless another is given.

    contamination: the share of the training rows to be judged anomalies (of a random 2,048 of them, where there are
    more), above 0 and at most 0.5; or "auto": only rows
    beyond Tukey's outer fence of the training scores, the first quartile less three interquartile ranges (Tukey 1977,
    "Exploratory data analysis"), whatever their number.

    Attributes after fit
    --------------------
    model_ : the fitted model.
    offset_ : the score, in nats, below which a row is an anomaly.
    """

    contamination: float | str = parameter(
        default="auto", above=0.0, at_most=0.5, options=("auto",), doc="Share of anomalies."
    )

    def _default_model(self):
        from anomalib_vae.models.vae import VAE

        return VAE()

    def fit(self, X, y=None):
        """Fit the model to the rows of X and the threshold to their scores; y is ignored."""
        X = self._fit_model(X)
        if len(X) > THRESHOLD_ROWS:
            X = resample(X, replace=False, n_samples=THRESHOLD_ROWS, random_state=0)
        scores = self.model_.score_samples(X)
        if isinstance(self.contamination, str):
            low, high = np.percentile(scores, [25, 75])
            offset = float(low - 3 * (high - low))
        else:
            offset = float(np.percentile(scores, 100 * self.contamination))
        # a row whose score is the threshold shall not change sides by the last bit of it
        self.offset_ = offset - 1e-9 * max(1.0, abs(offset))
        return self

    def score_samples(self, X) -> np.ndarray:
        """The model's score of each row, (rows,): higher = more normal."""
        check_is_fitted(self)
        return self.model_.score_samples(X)

    def decision_function(self, X) -> np.ndarray:
        """The score less `offset_`, (rows,): below 0 is an anomaly."""
        return self.score_samples(X) - self.offset_

    def predict(self, X) -> np.ndarray:
        """+1 for a normal row and -1 for an anomaly, (rows,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def explain(self, X) -> pd.DataFrame:
        """Each column's part of the score's data term, (rows, columns), in nats: the lower, the less the cell fits the
        rest of its row."""
        check_is_fitted(self)
        if not hasattr(self.model_, "column_scores"):
            raise TypeError(f"a {type(self.model_).__name__} gives no reasons: it does not tell columns apart")
        return self.model_.column_scores(X)

    def reasons(self, X, n_reasons: int = 3) -> pd.DataFrame:
        """The columns that make each row suspicious, worst first: (rows, n_reasons) of texts such as
        "amount = 2125.9, expected 84.3 (-31 nats)", in nats below what is usual in that column."""
        scores = self.explain(X)
        excess = scores - [self.model_.typical_column_scores_[name] for name in scores.columns]
        order = np.argsort(excess.to_numpy(), axis=1)[:, :n_reasons]
        found, expected = ([c.texts for c in frames.read(F)] for F in (X, self.model_.reconstruct(X)))
        names, nats = list(excess.columns), excess.to_numpy()
        texts = [
            [f"{names[j]} = {found[j][i]}, expected {expected[j][i]} ({nats[i, j]:+.0f} nats)" for j in row]
            for i, row in enumerate(order)
        ]
        return pd.DataFrame(texts, index=excess.index, columns=[f"reason_{k + 1}" for k in range(order.shape[1])])

    def learned(self):
        return {**super().learned(), "offset": self.offset_}

    def relearn(self, learned):
        super().relearn(learned)
        self.offset_ = learned["offset"]
