"""What a user asks of the cells that an imputer fills: which, within which bounds, shifted how far."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from cases import SMALL
from data import LIBRARIES, few_columns, mixed_frame, with_holes
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.frozen import FrozenEstimator

from anomalib_vae import DenoisingVAE, VAEImputer, load

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")

MODEL = DenoisingVAE(**{**SMALL, "max_epochs": 2})


def imputer(**wishes) -> VAEImputer:
    return VAEImputer(MODEL, **wishes)


def counts() -> pd.DataFrame:
    """Two columns of whole numbers in floats, as pandas has them where there are gaps, and one of other numbers."""
    whole = few_columns().assign(alcohol=lambda f: f["alcohol"].round(), proline=lambda f: f["proline"].round())
    return with_holes(whole[["alcohol", "proline", "flavanoids"]])


# ---------------------------------------------------------------------- only, exclude
@pytest.mark.parametrize("library", LIBRARIES)
def test_only_fills_the_columns_asked_for_and_uses_the_others(library):
    frame = LIBRARIES[library](mixed_frame())
    asked = ("Int64", "category", "datetime")
    filled, everything = imputer(only=asked).fit_transform(frame), imputer().fit_transform(frame)
    for name in mixed_frame():
        assert filled[name].equals((everything if name in asked else frame)[name]), name


@pytest.mark.parametrize("library", LIBRARIES)
def test_excluded_columns_come_back_as_they_are_and_change_nothing(library):
    frame = LIBRARIES[library](mixed_frame())
    excluded = ["float64", "object", "timedelta"]
    fitted = imputer(exclude=excluded).fit(frame)
    filled = fitted.transform(frame)
    rest = frame.drop(columns=excluded) if library == "pandas" else frame.drop(excluded)
    without = imputer().fit_transform(rest)
    assert list(fitted.feature_names_in_) == list(mixed_frame())
    for name in mixed_frame():
        assert filled[name].equals((frame if name in excluded else without)[name]), name


def test_excluded_columns_may_be_of_a_kind_that_models_do_not_know():
    frame = with_holes(few_columns()).assign(month=pd.period_range("2000", periods=178, freq="M"))
    filled = imputer(exclude=["month"]).fit_transform(frame)
    assert filled["month"].equals(frame["month"])
    assert not filled.isna().any(axis=None)


def test_columns_of_arrays_are_named_by_position():
    values = with_holes(few_columns()).to_numpy()
    filled = imputer(only=["x1"], exclude=["x3"], bounds={"x1": (0, 2)}).fit_transform(values)
    np.testing.assert_array_equal(filled[:, [0, 2, 3]], values[:, [0, 2, 3]])
    assert filled[np.isnan(values[:, 1]), 1].max() <= 2


WRONG = {
    "only": (["zap"], "VAEImputer.only: there is no column 'zap'; there are alcohol, .*Correct or drop the name"),
    "exclude": (["zap"], "VAEImputer.exclude: there is no column 'zap'"),
    "bounds": ({"zap": (0, 1)}, "VAEImputer.bounds: there is no column 'zap'"),
    "delta": ({"zap": 1.0}, "VAEImputer.delta: there is no column 'zap'"),
}


@pytest.mark.parametrize(("wish", "value", "message"), [(k, *v) for k, v in WRONG.items()])
def test_columns_that_are_not_there_are_named(wish, value, message):
    with pytest.raises(ValueError, match=message):
        imputer(**{wish: value}).fit(few_columns())


@pytest.mark.parametrize(
    ("wishes", "error", "message"),
    [
        ({"only": "alcohol"}, TypeError, "VAEImputer.only must be a tuple of a string or an integer or None"),
        ({"exclude": "alcohol"}, TypeError, "VAEImputer.exclude must be a tuple"),
        ({"exclude": list(few_columns())}, ValueError, "exclude leaves no column to the model"),
        ({"exclude": ["hue"], "only": ["hue"]}, ValueError, "only: column 'hue' is in exclude.*take it out"),
        ({"exclude": ["hue"], "delta": {"hue": 1}}, ValueError, "delta: column 'hue' is in exclude"),
        ({"bounds": {"hue": 3}}, ValueError, r"bounds of column 'hue' must be a pair \(low, high\).*got 3"),
        ({"bounds": {"hue": (0, "x")}}, ValueError, "bounds of column 'hue' must be a pair"),
        ({"bounds": {"hue": (3, 1)}}, ValueError, r"leave no number between them, got \(3, 1\)"),
        ({"bounds": {"count": (0.2, 0.8)}}, ValueError, "bounds of column 'count' leave no number"),
        ({"bounds": {"label": (0, 1)}}, ValueError, "bounds: column 'label' is of kind label"),
        ({"delta": {"label": 1}}, ValueError, "delta: column 'label' is of kind label"),
        ({"delta": {"hue": "low"}}, ValueError, "delta of column 'hue' must be a number of standard deviations"),
        ({"delta": {"hue": np.inf}}, ValueError, "delta of column 'hue' must be a number of standard deviations"),
        ({"missing_values": (1, 2)}, TypeError, "missing_values must be a number or a string or None"),
        ({"keep_empty_features": "drop"}, ValueError, "keep_empty_features must be one of 'missing'"),
    ],
)
def test_wishes_that_make_no_sense_are_refused_before_the_fit(wishes, error, message):
    frame = few_columns().rename(columns={"flavanoids": "hue"}).assign(label="a", count=range(178))
    if wishes.get("exclude") == list(few_columns()):
        frame = few_columns()
    broken = VAEImputer(DenoisingVAE(max_epochs=10**9), **wishes)
    with pytest.raises(error, match=message):
        broken.fit(frame)


# ---------------------------------------------------------------------- bounds, delta, whole numbers
@pytest.mark.parametrize("library", LIBRARIES)
def test_filled_numbers_stay_within_bounds_and_observed_ones_as_they_are(library):
    frame = mixed_frame()
    bounds = {"Int64": (500.5, 510.9), "float64": (None, 12.0), "Float64": (1, None)}
    filled = imputer(bounds=bounds).fit_transform(LIBRARIES[library](frame))
    for name, (low, high) in bounds.items():
        cells, gaps = np.array(filled[name].to_pylist() if library == "pyarrow" else filled[name]), frame[name].isna()
        assert (cells[~gaps] == frame[name][~gaps].to_numpy()).all()
        assert (cells[gaps].astype(float) >= (-np.inf if low is None else low)).all()
        assert (cells[gaps].astype(float) <= (np.inf if high is None else high)).all()
    assert set(np.unique(cells[~gaps])) <= set(frame[name])


@pytest.mark.parametrize("delta", [-3.0, -0.2, 0.5])
def test_delta_shifts_filled_cells_by_standard_deviations_of_the_training(delta):
    frame = with_holes(few_columns())
    plain = imputer(random_state=0).fit(frame)
    shifted = VAEImputer(FrozenEstimator(plain.model_), delta={"alcohol": delta}).fit(frame).transform(frame)
    difference = (shifted - plain.transform(frame))["alcohol"]
    gaps = frame["alcohol"].isna()
    assert (difference[~gaps] == 0).all()
    np.testing.assert_allclose(difference[gaps], delta * frame["alcohol"].std(ddof=0), rtol=1e-9)
    assert shifted.drop(columns="alcohol").equals(plain.transform(frame).drop(columns="alcohol"))


def test_delta_can_be_changed_on_a_fitted_imputer():
    frame = with_holes(few_columns())
    fitted = imputer().fit(frame)
    plain = fitted.transform(frame)
    assert fitted.set_params(delta={"proline": 1.0}).transform(frame)["proline"].mean() > plain["proline"].mean()
    assert fitted.set_params(delta=None).transform(frame).equals(plain)
    with pytest.raises(ValueError, match="no column 'zap'"):
        fitted.set_params(delta={"zap": 1.0}).transform(frame)


def test_bounds_hold_after_the_shift_and_integers_are_rounded_last():
    frame = mixed_frame()
    gaps = frame["Int64"].isna()
    fitted = imputer(delta={"Int64": 0.001}).fit(frame)
    shifted = fitted.transform(frame)["Int64"]
    assert shifted.dtype == "Int64"
    exact = fitted.model_.codec_.columns(fitted.model_.expected_features(frame))["Int64"][gaps]
    assert (np.abs(shifted[gaps].to_numpy(float) - exact) <= 1).all()
    low = fitted.set_params(delta={"Int64": -9.0}, bounds={"Int64": (0, None)}).transform(frame)["Int64"]
    assert (low[gaps] == 0).all()


def test_delta_of_a_constant_column_shifts_nothing():
    frame = with_holes(few_columns()).assign(constant=pd.Series([5.0, np.nan] * 89))
    assert (imputer(delta={"constant": 2.0}).fit_transform(frame)["constant"] == 5).all()


def test_integers_that_became_floats_by_their_gaps_stay_whole():
    complete = few_columns().assign(n=np.arange(178) % 7)
    fitted = imputer().fit(complete)
    holed = complete.assign(n=complete["n"].where(complete.index % 3 > 0))
    assert holed["n"].dtype == "float64"
    filled = fitted.transform(holed)["n"]
    assert filled.dtype == "float64"
    assert (filled == filled.round()).all()


def test_floats_that_were_whole_in_training_are_rounded_where_asked_for():
    plain, rounded = imputer().fit_transform(counts()), imputer(round_whole=True).fit_transform(counts())
    assert (plain["proline"] != plain["proline"].round()).any()
    assert (rounded[["alcohol", "proline"]] == plain[["alcohol", "proline"]].round()).all(axis=None)
    assert rounded["flavanoids"].equals(plain["flavanoids"])


# ---------------------------------------------------------------------- together
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_whatever_is_asked_for_observed_cells_and_dtypes_stay(fitted_once, data):
    frame = mixed_frame().iloc[data.draw(st.lists(st.integers(0, 149), min_size=1, max_size=6))]
    numeric = st.sampled_from(["float64", "float32", "Float64", "int64", "int8", "Int64"])
    ends = st.one_of(st.none(), st.floats(-100, 100))
    bounds = data.draw(st.dictionaries(numeric, st.tuples(ends, ends)))
    bounds = {n: tuple(sorted(p)) if None not in p else p for n, p in bounds.items()}
    bounds = {n: (p[0], None) if n in ("int64", "int8", "Int64") else p for n, p in bounds.items()}
    only = data.draw(st.one_of(st.none(), st.lists(st.sampled_from(list(frame.columns)), unique=True)))
    delta = data.draw(st.dictionaries(numeric, st.floats(-5, 5)))
    fitted_once.set_params(bounds=bounds, delta=delta, only=only)
    filled = fitted_once.transform(frame)
    pd.testing.assert_series_equal(filled.dtypes, frame.dtypes)
    assert filled.index.equals(frame.index)
    for name in frame:
        observed = frame[name].notna().to_numpy()
        assert filled[name][observed].equals(frame[name][observed])
        assert filled[name].notna().to_numpy()[~observed].all() == (only is None or name in only or observed.all())
        low, high = bounds.get(name, (None, None))
        new = filled[name][~observed].dropna()
        assert low is None or (new >= low).all() or new.dtype == "float32"
        assert high is None or (new <= high).all() or new.dtype == "float32"


@pytest.fixture(scope="module")
def fitted_once():
    return imputer().fit(mixed_frame())


def test_what_fit_learned_survives_a_save(tmp_path):
    frame = counts().assign(key=range(178))
    fitted = imputer(
        exclude=("key",), only=("alcohol", "proline"), missing_values=-1, add_indicator=True, round_whole=True
    ).fit(frame)
    again = load(fitted.save(tmp_path) and tmp_path)
    pd.testing.assert_frame_equal(again.transform(frame), fitted.transform(frame))
    assert list(again.get_feature_names_out()) == list(fitted.get_feature_names_out())
    assert again.n_features_in_ == 4
    assert repr(again) == repr(fitted)


def test_bounds_and_delta_survive_a_save(tmp_path):
    frame = with_holes(few_columns()).set_axis(["a", "b", "c", "d"], axis=1)
    fitted = imputer(bounds={"a": (None, 12.5), "b": (0, 2)}, delta={"d": -0.5}).fit(frame)
    again = load(fitted.save(tmp_path) and tmp_path)
    assert (again.bounds, again.delta) == (fitted.bounds, fitted.delta)
    pd.testing.assert_frame_equal(again.transform(frame), fitted.transform(frame))
