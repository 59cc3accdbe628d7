"""What people really hand over: each case is refused with an error that says what to do, or gives the right result."""

from __future__ import annotations

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from cases import SMALL
from data import few_columns, shoppers
from sklearn.exceptions import NotFittedError

from anomalib_vae import VAE, AnomalyDetector, DenoisingVAE, VAEImputer

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")

QUICK = {**SMALL, "max_epochs": 2}
BASE = few_columns()[["alcohol", "proline"]]
ROWS = len(BASE)


def beside(values) -> pd.DataFrame:
    """A good column, and one that holds the values (or one value, in each row)."""
    return BASE[["alcohol"]].assign(odd=values)


def objects(value) -> pd.DataFrame:
    """A good column, and an object column that holds the value in each row."""
    return beside(pd.Series([value] * ROWS, dtype=object))


def every_second(one, other) -> pd.DataFrame:
    """A good column, and an object column with two values in turn."""
    return beside(pd.Series([one, other] * (ROWS // 2), dtype=object))


def all_finite(model, frame) -> None:
    assert np.isfinite(model.score_samples(frame)).all()


REFUSED = {
    "infinity": (
        lambda: BASE.replace(14.23, np.inf),
        ValueError,
        r"'alcohol' holds an infinity \(row 0\): replace inf",
    ),
    "minus infinity": (lambda: BASE.replace(1065.0, -np.inf), ValueError, r"'proline' holds an infinity \(row 0\)"),
    "infinity in an array": (lambda: BASE.replace(14.23, np.inf).to_numpy(), ValueError, "'x0' holds an infinity"),
    "no rows": (lambda: BASE.head(0), ValueError, r"0 sample\(s\).* a minimum of 2 is required"),
    "one row": (lambda: BASE.head(1), ValueError, r"1 sample\(s\).* a minimum of 2 is required"),
    "no rows in an array": (lambda: np.empty((0, 3)), ValueError, r"0 sample\(s\).* a minimum of 2 is required"),
    "no columns": (lambda: BASE[[]], ValueError, r"0 feature\(s\).* a minimum of 1 is required"),
    "nothing at all": (pd.DataFrame, ValueError, r"0 sample\(s\)"),
    "repeated names": (lambda: BASE.set_axis(["a", "a"], axis=1), ValueError, "must be unique.*'a'.*Rename"),
    "names of two types": (lambda: BASE.set_axis([0, "b"], axis=1), TypeError, "string names"),
    "two levels of names": (
        lambda: BASE.set_axis(pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]), axis=1),
        TypeError,
        "MultiIndex: flatten",
    ),
    "dicts": (lambda: objects({"k": 1}), TypeError, "'odd' holds a dict.*convert the column"),
    "lists": (lambda: objects([1, 2]), TypeError, "'odd' holds a list.*convert the column"),
    "dates as objects": (lambda: objects(datetime.date(2024, 1, 1)), TypeError, "'odd' holds a date.*to_datetime"),
    "times of day": (lambda: objects(datetime.time(12)), TypeError, "'odd' holds a time.*convert the column"),
    "Decimal": (lambda: objects(decimal.Decimal("1.5")), TypeError, r"'odd' holds a Decimal.*astype\(float\)"),
    "bytes": (lambda: objects(b"a"), TypeError, r"'odd' holds a bytes.*astype\(str\)"),
    "periods": (
        lambda: beside(pd.period_range("2024", periods=ROWS, freq="D")),
        TypeError,
        r"'odd' has dtype period\[D\].*convert",
    ),
    "complex column": (lambda: beside(1j), ValueError, "Complex data not supported: column 'odd'"),
    "complex array": (lambda: BASE.to_numpy() * 1j, ValueError, "Complex data not supported"),
    "sparse matrix": (lambda: scipy.sparse.csr_matrix(BASE.to_numpy()), TypeError, r"use '\.toarray\(\)'|[Dd]ense"),
    "one dimension": (lambda: BASE["alcohol"].to_numpy(), ValueError, "Expected 2D array, got 1D array"),
    "five dimensions": (lambda: np.zeros((4, 3, 2, 1, 1)), ValueError, "dim 5"),
    "a Series": (lambda: BASE["alcohol"], ValueError, "2-dimensional container"),
    "a string": (lambda: "data.csv", ValueError, "Expected 2D array, got scalar array"),
    "None": (lambda: None, ValueError, "Expected 2D array, got scalar array"),
}


@pytest.mark.parametrize(("data", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_fit_refuses(data, error, message):
    with pytest.raises(error, match=message):
        VAE(**QUICK).fit(data())


ACCEPTED = {
    "a row that is all missing": lambda: BASE.mask(BASE.index.to_series() == 3),
    "a column that is all missing": lambda: beside(np.nan),
    "a column of None": lambda: objects(None),
    "nothing but missing cells": lambda: BASE * np.nan,
    "1e30": lambda: BASE * 1e30,
    "1e200": lambda: BASE * 1e200,
    "the largest floats": lambda: BASE / BASE.max() * np.finfo(float).max,
    "1e-300": lambda: BASE * 1e-300,
    "one far cell": lambda: beside([1e200] + [1.0, 2.0] * (ROWS // 2 - 1) + [1.0]),
    "whole numbers near the end of int64": lambda: beside(2**62 + np.arange(ROWS)),
    "whole numbers beyond int64": lambda: beside(pd.Series([2**70 + i for i in range(ROWS)], dtype=object)),
    "names that are numbers": lambda: BASE.set_axis([0, 1], axis=1),
    "unicode names": lambda: BASE.set_axis(["größe", "金額 €"], axis=1),
    "a name that is empty": lambda: BASE.set_axis(["", " "], axis=1),
    "strings and numbers in one column": lambda: every_second(1, "x"),
    "empty strings": lambda: every_second("", "x"),
    "booleans and None": lambda: every_second(True, None),
    "one column": lambda: BASE[["alcohol"]],
    "one column of labels": lambda: shoppers()[["month"]],
    "a constant frame": lambda: BASE * 0 + 3,
    "two identical rows": lambda: BASE.iloc[[0, 0]],
    "an index with repeats": lambda: BASE.set_axis([0] * ROWS),
    "an index of two levels": lambda: BASE.set_axis(pd.MultiIndex.from_product([range(2), range(ROWS // 2)])),
    "numbers written as strings": lambda: beside(BASE["proline"].astype(str)),
    "sparse columns": lambda: BASE.astype(pd.SparseDtype(float)),
    "intervals": lambda: beside(pd.cut(BASE["proline"], 3)),
    "lists of lists": lambda: BASE.to_numpy().tolist(),
    "float16": lambda: BASE.to_numpy().astype(np.float16),
    "long double": lambda: BASE.to_numpy().astype(np.longdouble),
    "a read-only array": lambda: np.frombuffer(BASE.to_numpy().tobytes()).reshape(-1, 2),
    "Fortran order": lambda: np.asfortranarray(BASE.to_numpy()),
    "every second row of an array": lambda: BASE.to_numpy()[::2],
}


@pytest.mark.parametrize("data", ACCEPTED.values(), ids=ACCEPTED)
@pytest.mark.filterwarnings("ignore:column 'odd' has .* levels")
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_fit_copes_with(data):
    model = VAE(**QUICK).fit(data())
    all_finite(model, data())
    assert len(model.sample(5)) == 5
    assert len(model.reconstruct(data())) == len(model.score_samples(data()))


def test_magnitude_does_not_matter():
    scores = [VAE(**QUICK).fit(BASE * unit).score_samples(BASE * unit) for unit in (1.0, 1e30, 1e200, 1e-300)]
    np.testing.assert_allclose(scores, np.broadcast_to(scores[0], (4, ROWS)), atol=1e-4)


def test_strings_and_numbers_in_one_column_are_labels():
    frame = every_second(1, "x")
    sample = VAE(**QUICK).fit(frame).sample(50)
    assert set(sample["odd"]) <= {1, "x"}


def test_booleans_and_none_are_a_boolean_column():
    frame = every_second(True, None).assign(odd=lambda f: f["odd"].where(f.index % 4 > 0, False))
    filled = VAEImputer(DenoisingVAE(**QUICK)).fit_transform(frame)
    assert {type(value) for value in filled["odd"]} <= {bool, np.bool_}


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([2**63 - 1 - i for i in range(ROWS)], "int64"),
        ([-(2**63) + i for i in range(ROWS)], "int64"),
        ([2**64 - 1 - i for i in range(ROWS)], "uint64"),
        ([2**62 + i for i in range(ROWS)], "Int64"),
        ([127 - i % 2 for i in range(ROWS)], "int8"),
    ],
)
def test_samples_of_huge_integers_do_not_wrap_around(values, dtype):
    frame = beside(pd.array(values, dtype=dtype))
    sample = VAE(**QUICK).fit(frame).sample(20)["odd"]
    assert sample.dtype == frame["odd"].dtype
    middle = sum(values) // len(values)
    assert all(abs(int(value) - middle) <= 2**12 for value in sample)  # float64 holds 2**63 to about 2**11


@pytest.mark.parametrize("dtype", ["Int64", "UInt64"])
def test_gaps_among_huge_integers_are_filled(dtype):
    top = 2**63 - 1 if dtype == "Int64" else 2**64 - 1
    frame = beside(pd.array([None if i == 5 else top - i for i in range(ROWS)], dtype=dtype))
    filled = VAEImputer(DenoisingVAE(**QUICK)).fit_transform(frame)["odd"]
    assert abs(int(filled[5]) - top) <= 2**12
    assert filled.drop(5).equals(frame["odd"].drop(5))


LABELS = every_second("u", "v")
TRUTHS = every_second(True, None).assign(odd=lambda f: f["odd"].where(f.index % 4 > 0, False))
DAYS = beside(pd.date_range("2024", periods=ROWS))

REFUSED_LATER = {
    "another name": (BASE, lambda: BASE.rename(columns={"proline": "x"}), ValueError, "unseen at fit time:\n- x"),
    "another order": (BASE, lambda: BASE[["proline", "alcohol"]], ValueError, "same order"),
    "a column too many": (BASE, lambda: BASE.assign(extra=1.0), ValueError, "unseen at fit time:\n- extra"),
    "a column too few": (BASE, lambda: BASE[["alcohol"]], ValueError, "now missing:\n- proline"),
    "a wider array": (
        BASE.to_numpy(),
        lambda: np.zeros((3, 5)),
        ValueError,
        "X has 5 features, but VAE is expecting 2",
    ),
    "no rows": (BASE, lambda: BASE.head(0), ValueError, r"0 sample\(s\)"),
    "infinity": (BASE, lambda: BASE.replace(14.23, np.inf), ValueError, "'alcohol' holds an infinity"),
    "numbers that became text": (BASE, lambda: BASE.assign(proline="x"), TypeError, "'proline'.*label.*to_numeric"),
    "numbers that became strings": (BASE, lambda: BASE.astype({"proline": str}), TypeError, "'proline'.*to_numeric"),
    "numbers that became times": (BASE, lambda: BASE.assign(proline=pd.Timestamp(0)), TypeError, "'proline'.*time"),
    "times that became numbers": (DAYS, lambda: beside(1.0), TypeError, "'odd' was of kind time.*number"),
    "booleans that became threes": (
        TRUTHS,
        lambda: beside(3),
        TypeError,
        "'odd' was boolean.*other numbers than 0 and 1",
    ),
    "booleans that became text": (TRUTHS, lambda: beside("yes"), TypeError, "'odd' was of kind boolean"),
}


@pytest.mark.parametrize(("trained", "data", "error", "message"), REFUSED_LATER.values(), ids=REFUSED_LATER)
def test_scoring_refuses(trained, data, error, message):
    model = VAE(**QUICK).fit(trained)
    with pytest.raises(error, match=message):
        model.score_samples(data())


ACCEPTED_LATER = {
    "missing cells where there were none": (BASE, lambda: BASE.mask(BASE > 1000)),
    "a row that is all missing": (BASE, lambda: BASE.mask(BASE.index.to_series() == 3)),
    "a column that is all missing": (BASE, lambda: BASE.assign(proline=np.nan)),
    "a column of None": (BASE, lambda: BASE.assign(proline=None)),
    "a column of labels that is all missing": (LABELS, lambda: LABELS.assign(odd=None)),
    "whole numbers for floats": (BASE, lambda: BASE.round().astype(int)),
    "booleans for numbers": (BASE, lambda: BASE.assign(proline=True)),
    "zeros and ones for booleans": (TRUTHS, lambda: beside(1)),
    "numbers for labels of the same value": (beside(pd.Categorical([1, 2] * (ROWS // 2))), lambda: beside(2.0)),
    "one row": (BASE, lambda: BASE.head(1)),
    "a cell as far as floats go": (BASE, lambda: BASE.assign(proline=np.finfo(float).max)),
    "what was missing in training": (beside(np.nan), lambda: beside(5.0)),
    "labels where nothing was seen in training": (beside(np.nan), lambda: beside("x")),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("trained", "data"), ACCEPTED_LATER.values(), ids=ACCEPTED_LATER)
def test_scoring_copes_with(trained, data):
    all_finite(VAE(**QUICK).fit(trained), data())


def test_numbers_in_place_of_labels_are_levels_never_seen():
    model = VAE(**QUICK).fit(LABELS)
    with pytest.warns(UserWarning, match=f"'odd': {ROWS} cells hold levels never seen in training"):
        scores = model.score_samples(LABELS.assign(odd=1.0))
    np.testing.assert_array_equal(scores, model.score_samples(LABELS.assign(odd=None)))


def test_an_array_for_a_frame_warns_and_is_read_by_position():
    model = VAE(**QUICK).fit(BASE)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        scores = model.score_samples(BASE.to_numpy())
    np.testing.assert_array_equal(scores, model.score_samples(BASE))


@pytest.mark.parametrize(
    "use",
    [
        lambda: VAE().score_samples(BASE),
        lambda: VAE().transform(BASE),
        lambda: VAE().inverse_transform(np.zeros((2, 8))),
        lambda: VAE().reconstruct(BASE),
        lambda: VAE().column_scores(BASE),
        lambda: VAE().sample(),
        lambda: VAE().get_feature_names_out(),
        lambda: VAE().save("never"),
        lambda: AnomalyDetector().predict(BASE),
        lambda: AnomalyDetector().decision_function(BASE),
        lambda: AnomalyDetector().explain(BASE),
        lambda: AnomalyDetector().reasons(BASE),
        lambda: AnomalyDetector().save("never"),
        lambda: VAEImputer().transform(BASE),
    ],
)
def test_unfitted_use_says_to_fit_first(use):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        use()
