"""The role of an anomaly detector: a threshold, verdicts and reasons for any model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted

from anomalib_vae.codec.image import ImageCodec
from anomalib_vae.codec.timeline import Timeline
from anomalib_vae.models.validation import checked
from anomalib_vae.parameters import parameter
from anomalib_vae.scoring import alarms, conformal, known_anomalies, reasons, thresholds
from anomalib_vae.scoring.known_anomalies import take
from anomalib_vae.scoring.scorer import Scorer
from anomalib_vae.scoring.stream import Stream


class AnomalyDetector(OutlierMixin, Scorer):
    """Tells anomalies from normal rows by the score of a model, `VAE()` unless another is given, and by their distance
    from the training rows.

    A density that a network has learned knows how columns depend on each other, and is vague where training rows are
    few; the nearest training rows tell what is near, and not what depends on what.  So both have a say: the score is
    the model's less `neighbour_weight` times the remoteness of `Neighbourhood`, in nats, which is scaled to vary among
    training rows as the model's score does.  Models from elsewhere score alone.

    Rows that are known anomalies can be labelled in `fit`.  They are never learned as normal, and lower the score of
    rows like them: see `KnownAnomalies`.  `explain` and `reasons` are about the score without that.

    contamination sets the threshold, at any time: on a fitted detector it moves `offset_` without another fit.

    - A share, above 0 and at most 0.5, of the training rows are judged anomalies (of a random 2,048 of them, where
      there are more).  With calibration rows it is these that count: a row is an anomaly where `pvalues` is at most the
      share, so a new normal row is one with at most that probability (fewer than 1 / share calibration rows can't
      tell: then where its score is below all of theirs).
    - "auto": rows beyond Tukey's outer fence of the scores, the first quartile less three interquartile ranges, however
      many there are; of the calibration scores, where there are any.
    - 0: the training rows are clean.  The threshold is the lowest of their scores and of the calibration rows' (fit
      scores all rows for that; on a detector fitted with another contamination it is the lowest of the 2,048).

    calibration_fraction is the share of the rows of `fit` that the model does not see; they are drawn by random_state
    and calibrate the p-values.  `calibrate` takes such rows later.  A model inside a FrozenEstimator must not have seen
    them either.

    Attributes after fit
    --------------------
    model_ : the fitted model.
    neighbourhood_ : Neighbourhood of the training rows, of images ImageNeighbourhood, of series WindowNeighbourhood; or
        None where the model scores alone.
    known_anomalies_ : KnownAnomalies, what those labelled in fit tell of other rows, or None without any.
    offset_ : the score, in nats, below which a row is an anomaly.
    threshold_is_tuned_ : whether it comes from `tune_threshold` and not from contamination.
    training_scores_ : scores of the training rows, of a random 2,048 of them where there are more.
    calibration_scores_ : scores of the calibration rows, as many as there are; empty without any.
    """

    contamination: float | str = parameter(
        default="auto", at_least=0.0, at_most=0.5, options=("auto",), doc="Share of anomalies."
    )
    calibration_fraction: float = parameter(
        default=0.0, at_least=0.0, below=1.0, doc="Rows held out from the model for calibration."
    )

    def __setattr__(self, name: str, value: Any) -> None:
        """Setting contamination of a fitted detector sets its threshold as well."""
        if name != "contamination" or "offset_" not in vars(self):
            return super().__setattr__(name, value)
        type(self)(contamination=value).check_parameters()
        super().__setattr__(name, value)
        self._follow_contamination()

    def fit(self, X, y=None):
        """Fit the model to the rows of X, less known anomalies and calibration rows, and set the threshold.

        y: -1 for a known anomaly, 1 for a normal row and 0 where it isn't known, (rows,).  Numbers without any -1 are
        ignored, with a warning where they differ, as scikit-learn's detectors ignore a target.  Raises ValueError for
        other labels, and where fewer than two rows are left to learn from.
        """
        self.check_parameters()
        X, known, is_normal = known_anomalies.apart(checked(self, X, reset=True), y)
        kept, held_out = conformal.split(
            np.arange(len(X)), self.calibration_fraction, self.random_state, in_order=self._rows_are_steps
        )
        if held_out is not None:
            X, is_normal, held_out = take(X, kept), is_normal[kept], take(X, held_out)
        X = self._fit_score(X, known, is_normal)
        self.training_scores_ = self._scores_of_some(X, lowest=self.contamination == 0)
        self.calibration_scores_ = np.empty(0) if held_out is None else self.score_samples(held_out)
        self._follow_contamination()
        return self

    def calibrate(self, X):
        """Take the rows of X, normal ones that the model has not seen, in the place of earlier calibration rows.

        The threshold of contamination follows; one from `tune_threshold` stays.
        """
        self.calibration_scores_ = self.score_samples(X)
        if not self.threshold_is_tuned_:
            self._follow_contamination()
        return self

    def tune_threshold(self, X, y, *, missed: float, false_alarm: float):
        """Set `offset_` to where the cost of the verdicts on the labelled rows of X is least.

        It stays until contamination is set or the detector is fitted again.  y: 1 for a normal row and -1 for an
        anomaly, (rows,).  missed, false_alarm: the costs of an anomaly not found and of a normal row called one, in one
        unit.
        """
        self.offset_ = thresholds.cheapest(self.score_samples(X), y, missed=missed, false_alarm=false_alarm)
        self.threshold_is_tuned_ = True
        return self

    def decision_function(self, X) -> np.ndarray:
        """The score less `offset_`, (rows,): below 0 is an anomaly."""
        return self.score_samples(X) - self.offset_

    def predict(self, X, *, fdr: float | None = None, budget: int | None = None) -> np.ndarray:
        """+1 for a normal row and -1 for an anomaly, (rows,): by the threshold, or for the rows of this call together.

        fdr: the share of false alarms among the anomalies is at most this in the mean, by `pvalues` and Benjamini and
        Hochberg's procedure; to find k anomalies among m rows it takes about m / (fdr k) calibration rows.
        budget: the anomalies are this many rows of lowest score, all where there are fewer; of equal rows the first.
        """
        return self.verdicts(self.score_samples(X), fdr=fdr, budget=budget)

    def verdicts(self, scores: np.ndarray, *, fdr: float | None = None, budget: int | None = None) -> np.ndarray:
        """`predict` for rows whose scores are known already."""
        check_is_fitted(self)
        if fdr is not None and budget is not None:
            raise ValueError("fdr and budget can't both hold: fdr bounds the share of false alarms, budget all alarms")
        if fdr is not None:
            is_anomaly = conformal.discoveries(conformal.pvalues(scores, self.calibration_scores_), fdr)
        elif budget is not None:
            is_anomaly = thresholds.lowest(scores, budget)
        else:
            is_anomaly = scores < self.offset_
        return np.where(is_anomaly, -1, 1)

    def pvalues(self, X) -> np.ndarray:
        """The conformal p-value of each row, (rows,): small = surprising.

        p = (1 + calibration scores at or below the row's) / (1 + calibration scores): a normal row has p <= α with
        probability at most α, as long as normal rows are still what they were when the calibration rows were taken
        (Vovk et al. 2005; Bates et al. 2023, "Testing for outliers with conformal p-values").
        Raises NotFittedError where no rows were held out in fit or given to `calibrate`.
        """
        return conformal.pvalues(self.score_samples(X), self.calibration_scores_)

    def explain(self, X, level: float = 0.9) -> pd.DataFrame:
        """What each cell adds to the model's score, and what the model expected there, for the rows and columns of X.

        The columns are (part, column), so `explain(X)["share"]` is a frame like X:
        - share: the column's part of the data term of the model's score, in nats; the lower, the less the cell fits its
          row; 0 where it is missing.
        - expected: what the model expects given the other cells of the row, in the column's own units and dtype; also
          where the cell is missing.
        - low, high: of numbers, an interval of so many of the values that the model holds possible; normal, with the
          mean and the deviation of all members' and latent draws' decoders, and inside the range seen in training.  It
          is no conformal interval: nothing ensures that it holds a share of `level` of the cells of new rows.  A model
          that never had to do without a cell, such as a VAE of complete rows, is too sure of itself: its intervals of
          90 % hold about 80 % of new cells, those of a DenoisingVAE about 94 % (`benchmarks/reasons.py`).
        - probability, found_probability: of labels and booleans, how probable the expected and the found one are.
        """
        return reasons.explanation(self._model_of_columns(), X, level)

    def reasons(self, X, n_reasons: int = 3) -> pd.DataFrame:
        """The columns that make each row suspicious, worst first: (rows, n_reasons) of texts such as "amount = 2125.9,
        expected 84.3 [12.0, 160.1] (-31 nats)" or, with the probability of the expected level, "merchant = gambling,
        expected grocery 0.62 (-4 nats)".

        What is expected, and its interval of 90 %, are those of `explain`.  The nats are what the row loses by the
        cell: its score less its score were the cell missing, and less what is usual in the column.  Unlike the share of
        `explain` they hold what the cell does to the row as a whole and to what is expected of other columns.  Tried
        are the n_reasons, and at least 6, most suspicious cells; it takes as long as so many `score_samples`.  Missing
        cells are no reasons; a row with fewer cells has empty texts at the end.
        """
        return reasons.texts(self._model_of_columns(), self._score_batch, X, n_reasons)

    def alarms(self, X, *, join: int | None = None, n_sensors: int = 3) -> pd.DataFrame:
        """The anomalies of a time series as intervals, a row each, in the order of their series and of time.

        Columns: series, where the model tells several apart; start, end and peak, the stamps of the first, the last and
        the least normal step, or their places in the index of X; steps, how many rows; lowest_score, mean_score; and
        sensors, those that lowered the score most, worst first, at most n_sensors.
        join: anomalies with at most so many normal steps between them are one; None: a quarter of the model's window.
        """
        model = self._model_of_columns()
        timeline = getattr(model.codec_, "timeline", Timeline())
        join = getattr(model, "window_", 0) // 4 if join is None else join
        scores, typical = self.score_samples(X), pd.Series(model.typical_column_scores_)
        excess = model.column_scores(X) - typical
        return alarms.alarms(X, timeline, scores, self.verdicts(scores) < 0, excess, join, n_sensors)

    def stream(self, state: Mapping[str, Any] | None = None) -> Stream:
        """Score rows as they arrive: `stream().score_samples(row)` gives what this detector would give the last row of
        all so far.  state: of another Stream, to go on from there.  Needs a model of time series."""
        check_is_fitted(self)
        if not getattr(self.model_, "rows_are_steps", False):
            raise TypeError(f"a {type(self.model_).__name__} judges each row by itself: use score_samples")
        return Stream(self, state)

    def learned(self):
        return {
            **super().learned(),
            "offset": self.offset_,
            "threshold_is_tuned": self.threshold_is_tuned_,
            "training_scores": self.training_scores_.tolist(),
            "calibration_scores": self.calibration_scores_.tolist(),
        }

    def relearn(self, learned):
        super().relearn(learned)
        self.training_scores_ = np.array(learned["training_scores"], float)
        self.calibration_scores_ = np.array(learned["calibration_scores"], float)
        self.offset_, self.threshold_is_tuned_ = learned["offset"], learned["threshold_is_tuned"]

    def _model_of_columns(self) -> Any:
        check_is_fitted(self)
        if isinstance(getattr(self.model_, "codec_", None), ImageCodec):
            raise TypeError("images have no columns to explain: model_.column_scores(X) gives a heat map of each")
        if not hasattr(self.model_, "column_scores"):
            raise TypeError(f"a {type(self.model_).__name__} gives no reasons: it does not tell columns apart")
        return self.model_

    def _follow_contamination(self) -> None:
        self.offset_ = thresholds.of_contamination(self.contamination, self.training_scores_, self.calibration_scores_)
        self.threshold_is_tuned_ = False
