"""The role of an imputer: the frame, or the stack of images, that went in comes back with its gaps filled."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from anomalib_vae.codec import filling, frames, selection, sentinel
from anomalib_vae.codec.column import Column
from anomalib_vae.codec.empty import EmptyCodec
from anomalib_vae.codec.image import ImageCodec, is_images
from anomalib_vae.imputing.gaps import Gaps
from anomalib_vae.imputing.images.gaps import ImageGaps, refuse_wishes
from anomalib_vae.imputing.multiple_imputation import MultipleImputation
from anomalib_vae.imputing.wishes import Wishes
from anomalib_vae.models.validation import checked
from anomalib_vae.parameters import parameter
from anomalib_vae.roles import Role
from anomalib_vae.scoring import conformal

INDICATOR = "missingindicator_"  # before a column's name, as scikit-learn has it


class VAEImputer(MultipleImputation, OneToOneFeatureMixin, TransformerMixin, Role):
    """Fills each missing cell with what a model, `DenoisingVAE()` unless another is given, expects there.

    Numbers get the conditional mean, inside the range seen in training; labels and booleans get the most probable
    level.  Columns that were integers in training, or are now, get whole numbers, also where pandas holds them as
    floats because of their gaps; columns that were floats in training get any number, unless `round_whole` is set.
    Cells that were observed come back untouched, and so do names, order, index and dtypes.

    `only`, `bounds`, `delta` and `keep_empty_features` are read by `transform`: `set_params(delta={"income": -0.2})`
    on a fitted imputer asks what if the missing incomes are lower than the observed ones suggest (missing not at
    random), without another fit.

    How far the truth may lie from these values, `sample_imputations`, `intervals` and `probabilities` tell.  They are
    calibrated on observed cells that are hidden for it: cells that a DenoisingVAE holds out of its training, or all
    cells of the rows of `calibration_fraction`; without either, as where a model was saved and loaded, cells of
    training rows, which it may know by heart: then bounds are too narrow.

    X may be a stack of images too, (n, height, width) or (n, height, width, channels), NaN or `missing_values` where a
    pixel is missing: `transform` gives an array of the same shape and dtype.  What speaks of columns (`only`,
    `exclude`, `bounds`, `delta`, `add_indicator`, `keep_empty_features`, `probabilities`) is refused there.  To fill
    regions a model must have been shown images with regions missing: one whose corruption is "mask" or None is fitted
    with "block_mask" instead; an object, such as `Mask()`, stays, as does a model in a FrozenEstimator.  See
    `imputing.images.filler.PixelFiller`.

    Attributes after fit: model_; completion_, what tells what may stand in a gap; columns_with_gaps_, their names;
    n_features_in_, feature_names_in_ as in scikit-learn.
    """

    missing_values: float | str | None = parameter(
        default=None, doc="A value that stands for a missing cell, such as -999 or '?', beside NaN, None and NA."
    )
    only: tuple[str | int, ...] | None = parameter(
        default=None, doc="Columns to fill; the others are used, and their gaps stay."
    )
    exclude: tuple[str | int, ...] | None = parameter(
        default=None, doc="Columns that the model must not use; they come back as they are."
    )
    bounds: dict | None = parameter(
        default=None, doc="Filled numbers are clipped to them: {'age': (0, 120), 'amount': (0, None)}."
    )
    delta: dict | None = parameter(
        default=None, doc="Shift of filled numbers, before bounds and rounding, in the column's standard deviations."
    )
    round_whole: bool = parameter(
        default=False, doc="Whole numbers also for float columns that had only whole numbers in training."
    )
    add_indicator: bool = parameter(
        default=False,
        doc="Append a boolean missingindicator_<name> for each column that the model uses and that had gaps in fit.",
    )
    keep_empty_features: bool | str = parameter(
        default="missing",
        options=("missing",),
        doc="Columns without any observed value in training: 'missing' leaves them as they are, with a warning; True "
        "fills in 0 where their kind has one (numbers, booleans, durations); False drops them. The latter two are "
        "scikit-learn's.",
    )
    calibration_fraction: float = parameter(
        default=0.0, at_least=0.0, below=1.0, doc="Rows held out from the model for calibration."
    )

    def _default_model(self):
        from anomalib_vae.models.denoising import DenoisingVAE

        return DenoisingVAE()

    # ------------------------------------------------------------------ fit
    def fit(self, X, y=None):
        """Fit the model to the rows, or images, of X, gaps and all; y is ignored.

        Raises ValueError or TypeError naming the parameter or the column.
        """
        self.check_parameters()
        X = checked(self, X, reset=True)
        return self._fit_images(X) if is_images(X) else self._fit_table(X)

    def _fit_table(self, X):
        names = frames.names_of(X)
        self._wishes().check_names(names)
        clash = [name for name in names if self.add_indicator and INDICATOR + str(name) in names]
        if clash:
            raise ValueError(f"VAEImputer.add_indicator: rename the column {INDICATOR + str(clash[0])!r} of X.")
        self.seen_ = [position for position, name in enumerate(names) if name not in (self.exclude or ())]
        seen = self._seen(X)
        columns = frames.read(seen)
        self._wishes().check_values({column.name: column.family for column in columns})
        self._fit_completion(X, seen)
        self.columns_with_gaps_ = [column.name for column in columns if not column.observed.all()]
        self.whole_columns_ = [column.name for column in columns if filling.holds_whole_numbers(column)]
        return self

    def _fit_images(self, X):
        refuse_wishes(self)
        self.seen_ = list(range(self.n_features_in_))
        seen = sentinel.opened(X, self.missing_values)
        self._fit_completion(X, seen)
        names, missing = self.model_.codec_.names, np.isnan(seen).any(axis=0).ravel()
        self.columns_with_gaps_ = [names[i] for i in np.flatnonzero(missing)]
        self.whole_columns_ = names if (np.isnan(seen) | (seen == np.rint(seen))).all() else []
        return self

    def _fit_completion(self, X, seen) -> None:
        """Fit the model to what it sees of X, and learn how gaps are filled."""
        seen, held_out = conformal.split(
            seen, self.calibration_fraction, self.random_state, in_order=self._rows_are_steps
        )
        self._fit_model(seen)
        checked(self, X, reset=True)  # _fit_model has noted the columns that the model sees, and these are all
        if not hasattr(self.model_, "expected_features"):
            raise TypeError(f"VAEImputer.model must be a model of this package, got {type(self.model_).__name__}")
        self.completion_ = self._completion_class.fit(self.model_, seen, held_out, self._rng())

    def _model_for(self, X):
        """For images one that is shown images with regions missing."""
        model = super()._model_for(X)
        if is_images(X) and model.get_params().get("corruption", "no such parameter") in (None, "mask"):
            model.set_params(corruption="block_mask")
        return model

    # ------------------------------------------------------------------ transform
    def transform(self, X):
        """X with its gaps filled: the same kind of frame, array or images, of the same shape, names, index and dtypes.

        `keep_empty_features=False` takes columns away, `add_indicator` appends some; a column of NaN alone where
        training had labels, truth values or times takes a dtype that can hold them.
        """
        gaps, rows = self._read(X)
        return self._completed(gaps, self.completion_.expected(rows))

    def get_feature_names_out(self, input_features=None):
        """The names of the columns that `transform` gives."""
        names = super().get_feature_names_out(input_features)
        if isinstance(self.model_.codec_, ImageCodec):
            return names
        kept = names[self._kept()]
        if not self.add_indicator:
            return kept
        seen = zip(names[self.seen_], self.model_.codec_.names, strict=True)
        with_gaps = [f"{INDICATOR}{name}" for name, known in seen if known in self.columns_with_gaps_]
        return np.array([*kept, *with_gaps], dtype=object)

    # ------------------------------------------------------------------ parts
    def _seen(self, X):
        """The columns that the model uses, the cells that hold `missing_values` missing."""
        if len(self.seen_) < self.n_features_in_:
            X = selection.select(X, self.seen_)
        return sentinel.opened(X, self.missing_values)

    def _read(self, X) -> tuple[Gaps | ImageGaps, Any]:
        """The gaps of X, and its rows as the completion reads them; of images `gaps.predicted`."""
        check_is_fitted(self)
        self.check_parameters()
        X = checked(self, X, reset=False)
        if is_images(X):
            return self._read_images(X)
        seen, codec = self._seen(X), self.completion_.codec
        now = zip(codec.codecs, frames.read(self.model_.measured(seen)), strict=True)
        columns = [Column(of_column.name, column.family, column.values) for of_column, column in now]
        gaps = Gaps(X, codec, columns, self._measured(), self._wishes())
        if self.keep_empty_features:
            gaps.warn_of_empty_columns()
        return gaps, self.completion_.read(seen)

    def _read_images(self, X) -> tuple[ImageGaps, Any]:
        refuse_wishes(self)
        seen = sentinel.opened(X, self.missing_values)
        gaps = ImageGaps(X, seen, self.completion_.codec, whole=self.round_whole and bool(self.whole_columns_))
        return gaps, self.completion_.read(seen)[gaps.predicted]

    def _measured(self) -> list[int]:
        """The positions in X of the columns that the model gives an account of, in the order of its table codec."""
        modelled = set(self.model_.table_codec.names)
        seen = zip(self.seen_, self.model_.codec_.names, strict=True)
        return [position for position, name in seen if name in modelled]

    def _completed(self, gaps: Gaps | ImageGaps, targets: np.ndarray):
        """What `transform` gives where these are predicted, (rows, targets)."""
        if isinstance(gaps, ImageGaps):
            return gaps.filled(targets)
        filled = selection.select(gaps.filled(targets), self._kept())
        truths = {
            f"{INDICATOR}{column.name}": ~column.observed
            for column in gaps.columns
            if self.add_indicator and column.name in self.columns_with_gaps_
        }
        return selection.beside(filled, truths)

    def _wishes(self) -> Wishes:
        return Wishes(
            only=self.only,
            exclude=self.exclude or (),
            bounds=self.bounds or {},
            delta=self.delta or {},
            whole=getattr(self, "whole_columns_", ()) if self.round_whole else (),
            zeros=self.keep_empty_features is True,
        )

    def _kept(self) -> list[int]:
        """The positions of the columns that `transform` gives."""
        codecs = zip(self.seen_, self.model_.codec_.codecs, strict=True)
        dropped = {position for position, codec in codecs if isinstance(codec, EmptyCodec)}
        return [i for i in range(self.n_features_in_) if self.keep_empty_features or i not in dropped]

    # ------------------------------------------------------------------ contract
    def learned(self) -> dict[str, Any]:
        position = {name: i for i, name in enumerate(self.model_.codec_.names)}
        return super().learned() | {
            "n_features_in": self.n_features_in_,
            "feature_names_in": list(getattr(self, "feature_names_in_", ())) or None,
            "seen": self.seen_,
            "with_gaps": [position[name] for name in self.columns_with_gaps_],
            "whole": [position[name] for name in self.whole_columns_],
        }

    def relearn(self, learned: dict[str, Any]) -> None:
        super().relearn(learned)
        names = self.model_.codec_.names
        self.n_features_in_ = learned.get("n_features_in", self.n_features_in_)
        if learned.get("feature_names_in"):
            self.feature_names_in_ = np.array(learned["feature_names_in"], dtype=object)
        self.seen_ = learned.get("seen", list(range(self.n_features_in_)))
        self.columns_with_gaps_ = [names[i] for i in learned.get("with_gaps", ())]
        self.whole_columns_ = [names[i] for i in learned.get("whole", ())]
