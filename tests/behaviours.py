"""What every model must do, one function a promise; each takes an unfitted model and an empty folder.

`tests/models/test_behaviour.py` runs them over all models of the package, `test_variant.py` over a new one.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from cases import quick
from data import complete_frame, few_columns, mixed_frame, with_holes
from sklearn.base import clone

import anomalib_vae

MODEL_METHODS = ("transform", "reconstruct", "score_samples", "column_scores", "expected_features", "score")
ROLE_METHODS = ("predict", "decision_function", "explain", "reasons")


def scores_an_obvious_outlier_below_every_normal_row(model, folder):
    frame = few_columns()
    model = clone(model).set_params(max_epochs=60).fit(frame)
    outlier = pd.DataFrame({"alcohol": [30.0], "malic_acid": [-9.0], "flavanoids": [14.0], "proline": [9_000.0]})
    assert model.score_samples(outlier)[0] < model.score_samples(frame).min()


def scores_a_contradiction_between_columns_below_every_normal_row(model, folder):
    """The two columns always agree in training, and each of the two cells is common."""
    frame = pd.DataFrame({"one": ["a", "b", "c", "d"] * 40, "other": ["a", "b", "c", "d"] * 40})
    model = clone(model).set_params(max_epochs=250).fit(frame)
    contradiction = pd.DataFrame({"one": ["a"], "other": ["c"]})
    assert model.score_samples(contradiction)[0] < model.score_samples(frame).min()


def is_deterministic(model, folder):
    frame = mixed_frame()
    one, other = quick(model).fit(frame), quick(model).fit(frame)
    np.testing.assert_array_equal(one.score_samples(frame), other.score_samples(frame))
    np.testing.assert_array_equal(one.transform(frame), other.transform(frame))
    pd.testing.assert_frame_equal(one.sample(20), other.sample(20))
    pd.testing.assert_frame_equal(one.sample(20), one.sample(20))
    np.testing.assert_array_equal(one.score_samples(frame), one.score_samples(frame))


def scores_a_row_regardless_of_the_rows_beside_it(model, folder):
    """A series regardless of the series beside it, where rows are steps."""
    frame = mixed_frame()
    if model.rows_are_steps:
        frame = frame.assign(series=np.arange(len(frame)) // 15)
        model = clone(model).set_params(series="series")
    model = quick(model).fit(frame)
    together = model.score_samples(frame)
    if model.rows_are_steps:
        alone = [model.score_samples(series) for _, series in frame.groupby("series")]
        np.testing.assert_allclose(np.concatenate(alone), together, atol=1e-6)
        return
    alone = np.concatenate([model.score_samples(frame.iloc[[i]]) for i in range(0, len(frame), 15)])
    np.testing.assert_allclose(alone, together[::15], atol=1e-6)
    np.testing.assert_allclose(model.score_samples(frame[::-1])[::-1], together, atol=1e-6)
    np.testing.assert_allclose(model.score_samples(pd.concat([frame] * 20))[: len(frame)], together, atol=1e-6)


def scores_a_row_regardless_of_the_thread_count(model, folder):
    frame = mixed_frame()
    model = quick(model).fit(frame)
    one = model.score_samples(frame)
    try:
        torch.set_num_threads(2)
        two = model.score_samples(frame)
    finally:
        torch.set_num_threads(1)
    np.testing.assert_allclose(one, two, atol=1e-6)


def takes_missing_cells_in_fit_and_in_use(model, folder):
    frame = with_holes(few_columns(), 0.3)
    frame.iloc[7] = np.nan
    model = quick(model).fit(frame)
    assert np.isfinite(model.score_samples(frame)).all()
    assert np.isfinite(model.transform(frame)).all()
    assert np.isfinite(model.reconstruct(frame).to_numpy()).all()


def judges_only_what_was_observed(model, folder):
    """What lies in a missing cell is nobody's business: NaN and None and pd.NA are one thing."""
    frame = complete_frame()[["object", "Float64", "float64"]]
    model = quick(model).fit(frame)
    missing = [frame.assign(object=np.array([m] * len(frame), dtype=object)) for m in (None, np.nan, pd.NA)]
    scores = [model.score_samples(f) for f in missing]
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[0], scores[2])


def gives_a_frame_and_an_array_of_the_same_numbers_the_same_scores(model, folder):
    frame = with_holes(few_columns())
    by_frame = quick(model).fit(frame).score_samples(frame)
    by_array = quick(model).fit(frame.to_numpy()).score_samples(frame.to_numpy())
    np.testing.assert_array_equal(by_frame, by_array)


def gives_frames_like_the_training_frame(model, folder):
    frame = mixed_frame()
    model = quick(model).fit(frame)
    for made in (model.sample(40), model.reconstruct(frame), model.inverse_transform(model.transform(frame))):
        looks_like(made, frame)
    assert model.reconstruct(frame).index.equals(frame.index)
    assert len(model.sample(7)) == 7


def looks_like(made: pd.DataFrame, frame: pd.DataFrame) -> None:
    """The same names and dtypes, nothing missing, numbers and times inside the range seen, labels among those seen."""
    pd.testing.assert_series_equal(made.dtypes, frame.dtypes)
    assert not made.isna().any(axis=None)
    for column in frame:
        seen = frame[column].dropna()
        if isinstance(seen.dtype, pd.CategoricalDtype) or seen.dtype in (object, "string", bool, "boolean"):
            assert set(made[column]) <= set(seen)
        else:
            assert made[column].min() >= seen.min()
            assert made[column].max() <= seen.max()


def survives_a_save_and_a_load(model, folder):
    frame = mixed_frame()
    model = quick(model).fit(frame)
    again = anomalib_vae.load(model.save(folder / "saved") and folder / "saved")
    np.testing.assert_array_equal(model.score_samples(frame), again.score_samples(frame))
    np.testing.assert_array_equal(model.transform(frame), again.transform(frame))
    pd.testing.assert_frame_equal(model.reconstruct(frame), again.reconstruct(frame))
    pd.testing.assert_frame_equal(model.sample(9), again.sample(9))
    pd.testing.assert_frame_equal(model.history_, again.history_)
    assert repr(model) == repr(again)
    assert list(model.feature_names_in_) == list(again.feature_names_in_)
    assert model.n_iter_ == again.n_iter_
    assert type(again) is type(model)


def has_codes_that_decode(model, folder):
    frame = few_columns()
    model = quick(model).fit(frame)
    codes = model.transform(frame)
    assert codes.shape == (len(frame), len(model.get_feature_names_out()))
    assert np.isfinite(model.inverse_transform(np.zeros((2, codes.shape[1]))).to_numpy()).all()


def can_be_fitted_again(model, folder):
    """A second fit starts afresh, on other columns too."""
    first, second = few_columns(), complete_frame()
    model = quick(model)
    expected = clone(model).fit(second).score_samples(second)
    np.testing.assert_array_equal(model.fit(first).fit(second).score_samples(second), expected)
    assert list(model.feature_names_in_) == list(second.columns)


BEHAVIOURS = [
    scores_an_obvious_outlier_below_every_normal_row,
    scores_a_contradiction_between_columns_below_every_normal_row,
    is_deterministic,
    scores_a_row_regardless_of_the_rows_beside_it,
    scores_a_row_regardless_of_the_thread_count,
    takes_missing_cells_in_fit_and_in_use,
    judges_only_what_was_observed,
    gives_a_frame_and_an_array_of_the_same_numbers_the_same_scores,
    gives_frames_like_the_training_frame,
    survives_a_save_and_a_load,
    has_codes_that_decode,
    can_be_fitted_again,
]
