"""What counts as missing, how an imputer marks what was, and what it does with columns that hold nothing else."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from cases import SMALL
from data import LIBRARIES, as_polars, few_columns, mixed_frame, with_holes
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.utils import estimator_checks

from anomalib_vae import DenoisingVAE, VAEImputer

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")

MODEL = DenoisingVAE(**{**SMALL, "max_epochs": 2})


def imputer(**wishes) -> VAEImputer:
    return VAEImputer(MODEL, **wishes)


# ---------------------------------------------------------------------- missing_values
NUMBERS = with_holes(few_columns()).round().fillna(-999).astype("int64")
FORMS = {
    "int64": NUMBERS,
    "int32": NUMBERS.astype("int32"),
    "Int64": NUMBERS.astype("Int64"),
    "float32": NUMBERS.astype("float32"),
    "object": NUMBERS.astype(object),
    "array of integers": NUMBERS.to_numpy(),
    "array of objects": NUMBERS.astype(object).to_numpy(),
    "polars": as_polars(NUMBERS),
    "pyarrow": LIBRARIES["pyarrow"](NUMBERS),
}


@pytest.mark.parametrize("frame", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("value", [-999, -999.0, np.int64(-999)])
def test_a_number_can_stand_for_a_missing_cell(frame, value):
    filled = imputer(missing_values=value).fit_transform(frame)
    assert type(filled) is type(frame)
    if isinstance(frame, pd.DataFrame):
        pd.testing.assert_series_equal(filled.dtypes, frame.dtypes)
    else:
        assert getattr(filled, "dtype", None) == getattr(frame, "dtype", None)
        assert getattr(filled, "schema", None) == getattr(frame, "schema", None)
    cells = np.asarray(filled.to_pandas() if hasattr(filled, "to_pandas") else filled).astype(float)
    seen = NUMBERS.to_numpy() != -999
    assert (cells[seen] == NUMBERS.to_numpy()[seen]).all()
    assert (cells >= 0).all()
    assert (cells == cells.round()).all() or "float" in str(getattr(frame, "dtypes", ""))


@pytest.mark.parametrize("dtype", ["object", "string", "category"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_string_can_stand_for_a_missing_cell(library, dtype):
    labels = pd.Series(["a", "b", "?", "a", None] * 35 + ["b"] * 3).astype(dtype)
    frame = LIBRARIES[library](few_columns().assign(label=labels))
    filled = imputer(missing_values="?").fit_transform(frame)["label"]
    cells = np.array(filled.to_pylist() if library == "pyarrow" else filled, dtype=object)
    assert set(cells) == {"a", "b"}
    assert filled.dtype == frame["label"].dtype if library != "pyarrow" else filled.type == frame["label"].type


def test_the_value_is_looked_for_among_its_own_kind_only():
    frame = few_columns().assign(n=[1, 0] * 89, truth=[True, False] * 89, text=["1", "0"] * 89)
    filled = imputer(missing_values=1).fit_transform(frame)
    assert (filled["n"] == 0).all()
    assert filled[["truth", "text"]].equals(frame[["truth", "text"]])


def test_none_and_nan_stand_for_no_further_value():
    frame = with_holes(few_columns())
    for value in (None, np.nan):
        assert imputer(missing_values=value).fit_transform(frame).equals(imputer().fit_transform(frame))


# ---------------------------------------------------------------------- add_indicator, keep_empty_features
@pytest.mark.parametrize("given_as", ["array", "pandas"])
@pytest.mark.filterwarnings("ignore:Skipping features")
def test_indicators_are_those_of_scikit_learn(given_as):
    frame = with_holes(few_columns().assign(alcohol=1.0)).assign(alcohol=few_columns()["alcohol"], empty=np.nan)
    X = frame.to_numpy() if given_as == "array" else frame
    ours = imputer(add_indicator=True, keep_empty_features=False).fit(X)
    theirs = SimpleImputer(add_indicator=True).set_output(transform="default").fit(X)
    assert list(ours.get_feature_names_out()) == list(theirs.get_feature_names_out())
    X = np.full_like(frame, np.nan) if given_as == "array" else frame * np.nan
    one, other = np.asarray(ours.transform(X)), theirs.transform(X)
    assert one.shape == other.shape
    np.testing.assert_array_equal(one[:, 4:], other[:, 4:])


@pytest.mark.parametrize("library", LIBRARIES)
def test_indicators_of_a_mixed_frame_are_booleans_beside_it(library):
    frame = LIBRARIES[library](mixed_frame())
    filled = imputer(add_indicator=True).fit_transform(frame)
    indicator = MissingIndicator().fit(
        mixed_frame().astype(object).map(lambda c: np.nan if pd.isna(c) else 0).astype(float)
    )
    names = [f"missingindicator_{mixed_frame().columns[i]}" for i in indicator.features_]
    columns = filled.column_names if library == "pyarrow" else list(filled.columns)
    assert columns == [*mixed_frame(), *names]
    for name in names:
        cells = filled[name].to_pylist() if library == "pyarrow" else list(filled[name])
        assert cells == mixed_frame()[name.removeprefix("missingindicator_")].isna().tolist()


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_set_output_names_the_indicators(output):
    values = with_holes(few_columns()).assign(empty=np.nan).to_numpy()
    fitted = imputer(add_indicator=True, keep_empty_features=False).set_output(transform=output).fit(values)
    out = fitted.transform(values)
    assert list(out.columns) == list(fitted.get_feature_names_out())
    assert list(out.columns[:4]) == ["x0", "x1", "x2", "x3"]
    assert out.columns[-1] == "missingindicator_x4"


def test_a_column_with_the_name_of_an_indicator_is_refused():
    frame = few_columns().assign(missingindicator_alcohol=1.0)
    with pytest.raises(ValueError, match="rename the column 'missingindicator_alcohol'"):
        imputer(add_indicator=True).fit(frame)


EMPTY = {"number": "float64", "integer": "Int64", "truth": "boolean", "text": "string", "day": "datetime64[us]"}


@pytest.fixture(scope="module")
def with_empty() -> pd.DataFrame:
    none = pd.Series([None] * 178)
    return with_holes(few_columns()).assign(**{name: none.astype(dtype) for name, dtype in EMPTY.items()})


def test_columns_never_observed_can_be_dropped(with_empty):
    fitted = imputer(keep_empty_features=False).fit(with_empty)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        filled = fitted.transform(with_empty)
    assert list(filled.columns) == list(few_columns()) == list(fitted.get_feature_names_out())


def test_columns_never_observed_can_be_filled_with_zero(with_empty):
    with pytest.warns(UserWarning, match="stay as they are: text, day"):  # they have no zero
        filled = imputer(keep_empty_features=True).fit_transform(with_empty)
    pd.testing.assert_series_equal(filled.dtypes, with_empty.dtypes)
    assert (filled[["number", "integer"]] == 0).all(axis=None)
    assert not filled["truth"].any()
    assert filled[["text", "day"]].isna().all(axis=None)


@estimator_checks.parametrize_with_checks(
    [imputer(add_indicator=True, keep_empty_features=False), imputer(missing_values=-999, keep_empty_features=True)]
)
def test_keeps_scikit_learns_contract(estimator, check):
    check(estimator)
