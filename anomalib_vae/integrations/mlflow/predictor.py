"""The prediction that MLflow asks of a model: `mlflow.pyfunc`."""

from __future__ import annotations

from typing import Any

import pandas as pd
from sklearn.base import is_outlier_detector

from anomalib_vae.integrations.mlflow.cells import as_in_training
from anomalib_vae.integrations.mlflow.schema import N_REASONS, codec_of, gives_reasons
from anomalib_vae.roles import Role


class Predictor:
    """An estimator as `mlflow.pyfunc` holds it."""

    def __init__(self, estimator: Any):
        self.estimator = estimator

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """For a detector a frame of each row's `score` in nats, `verdict` (+1 normal, -1 anomaly) and `reason_1` to
        `reason_3`; for an imputer the frame filled; for a model the scores, (rows,)."""
        X = as_in_training(model_input, codec_of(self.estimator).template)
        if is_outlier_detector(self.estimator):
            return self._verdicts(X)
        return self.estimator.transform(X) if isinstance(self.estimator, Role) else self.estimator.score_samples(X)

    def get_raw_model(self) -> Any:
        return self.estimator

    def _verdicts(self, X: Any) -> pd.DataFrame:
        scores = self.estimator.score_samples(X)
        index = X.index if isinstance(X, pd.DataFrame) else None
        frame = pd.DataFrame({"score": scores, "verdict": self.estimator.verdicts(scores)}, index=index)
        if not gives_reasons(self.estimator):
            return frame
        return pd.concat([frame, self.estimator.reasons(X, N_REASONS)], axis=1)
