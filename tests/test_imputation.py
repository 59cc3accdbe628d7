"""The role of an imputer: gaps are filled, and nothing else changes, to the bit."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from cases import ESTIMATORS, SMALL, quick
from data import HOLDS_NO_MISSING, LIBRARIES, as_polars, complete_frame, few_columns, mixed_frame, wine, with_holes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anomalib_vae import VAE, DenoisingVAE, VAEImputer

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")

IMPUTER = quick(ESTIMATORS[-1])


@pytest.fixture(scope="module")
def imputer():
    return IMPUTER.fit(mixed_frame())


def native(frame):
    """Columns as lists of Python values, whatever the library."""
    if isinstance(frame, pd.DataFrame):
        return {name: list(frame[name].astype(object).where(frame[name].notna(), None)) for name in frame}
    if hasattr(frame, "to_pydict"):
        return frame.to_pydict()
    return frame.to_dict(as_series=False)


@pytest.mark.parametrize("library", LIBRARIES)
def test_gaps_are_filled_and_the_rest_is_untouched(library):
    frame = LIBRARIES[library](mixed_frame())
    imputer = quick(ESTIMATORS[-1]).fit(frame)
    filled = imputer.transform(frame)
    assert type(filled) is type(frame)
    before, after, complete = native(frame), native(filled), native(LIBRARIES[library](complete_frame()))
    assert list(before) == list(after)
    for name, cells in before.items():
        seen = [cell for cell in cells if cell is not None]
        for cell, result in zip(cells, after[name], strict=True):
            assert result is not None, name
            assert cell is None or result == cell, name
            assert type(result) is type(complete[name][0]), name
        if name not in ("string", "object", "category"):
            assert min(seen) <= min(after[name]) <= max(after[name]) <= max(seen), name
        else:
            assert set(after[name]) <= set(seen), name


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_schemas_survive(library):
    frame = LIBRARIES[library](mixed_frame())
    assert quick(ESTIMATORS[-1]).fit_transform(frame).schema == frame.schema


def test_dtypes_names_and_index_survive(imputer):
    filled = imputer.transform(mixed_frame())
    pd.testing.assert_series_equal(filled.dtypes, mixed_frame().dtypes)
    assert filled.index.equals(mixed_frame().index)
    assert filled.index.name == "row"
    assert not filled.isna().any(axis=None)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_observed_cells_come_back_to_the_bit(imputer, data):
    """Any rows of a mixed frame, in any order, with any holes."""
    complete = complete_frame()
    rows = data.draw(st.lists(st.integers(0, len(complete) - 1), min_size=1, max_size=8))
    frame = complete.iloc[rows]
    holes = np.array(
        data.draw(st.lists(st.lists(st.booleans(), min_size=14, max_size=14), min_size=len(rows), max_size=len(rows)))
    )
    for i, column in enumerate(frame):
        if column not in HOLDS_NO_MISSING:
            part = frame[column].copy()
            part.iloc[np.flatnonzero(holes[:, i])] = None
            frame = frame.assign(**{column: part})
    before, filled = frame.copy(), imputer.transform(frame)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_series_equal(filled.dtypes, frame.dtypes)
    assert not filled.isna().any(axis=None)
    for column in frame:
        observed = frame[column].notna().to_numpy()
        one, other = filled[column].array[observed], frame[column].array[observed]
        assert one.dtype == other.dtype
        assert all(a == b for a, b in zip(one, other, strict=True)), column


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.lists(
        st.tuples(
            st.one_of(st.just(float("nan")), st.floats(allow_nan=False, allow_infinity=False)),
            st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
            st.one_of(st.none(), st.text(max_size=3)),
            st.one_of(st.none(), st.booleans()),
        ),
        min_size=2,
        max_size=12,
    )
)
def test_any_cells_that_a_frame_can_hold_survive(cells):
    numbers, integers, texts, truths = zip(*cells, strict=True)
    frame = pd.DataFrame(
        {
            "number": np.array(numbers, dtype=float),
            "integer": pd.array(integers, dtype="Int64"),
            "text": pd.Series(texts, dtype=object),
            "truth": pd.array(truths, dtype="boolean"),
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of columns without any observed cell
        filled = VAEImputer(DenoisingVAE(hidden_dims=(4,), n_members=1, max_epochs=1, random_state=0)).fit_transform(
            frame
        )
    for column in frame:
        observed = frame[column].notna()
        assert filled[column][observed].equals(frame[column][observed])
        assert filled[column].notna().all() or not observed.any()
    signs = np.signbit(frame["number"].to_numpy()) == np.signbit(filled["number"].to_numpy())
    assert signs[frame["number"].notna()].all()  # -0.0 too


def test_arrays_come_back_as_arrays():
    values = with_holes(few_columns()).to_numpy()
    filled = quick(ESTIMATORS[-1]).fit_transform(values)
    assert isinstance(filled, np.ndarray)
    assert filled.dtype == values.dtype
    np.testing.assert_array_equal(filled[~np.isnan(values)], values[~np.isnan(values)])
    assert not np.isnan(filled).any()


def test_arrays_of_objects_are_filled():
    values = mixed_frame()[["float64", "object", "int64"]].astype(object).to_numpy()
    filled = quick(ESTIMATORS[-1]).fit_transform(values)
    assert not pd.isna(filled).any()
    assert (filled[~pd.isna(values)] == values[~pd.isna(values)]).all()


def test_object_columns_of_whole_numbers_are_filled_with_whole_numbers():
    column = pd.Series([1, 2, None] * 50, dtype=object)
    filled = quick(ESTIMATORS[-1]).fit_transform(pd.DataFrame({"x": few_columns()["alcohol"].head(150), "n": column}))
    assert {type(value) for value in filled["n"]} <= {int, np.int64}


def test_a_complete_frame_comes_back_as_a_copy(imputer):
    frame = complete_frame()
    filled = imputer.transform(frame)
    pd.testing.assert_frame_equal(filled, frame)
    assert filled is not frame
    filled.iloc[0, 0] = 0.0
    assert frame.iloc[0, 0] != 0.0


def test_a_row_of_gaps_only_is_filled():
    frame = few_columns()
    frame.loc[5] = np.nan
    assert not quick(ESTIMATORS[-1]).fit_transform(frame).isna().any(axis=None)


def test_a_row_is_filled_the_same_whatever_rows_are_beside_it(imputer):
    frame = mixed_frame()
    whole = imputer.transform(frame)
    for size in (1, 3, 17):
        parts = [imputer.transform(frame.iloc[at : at + size]) for at in range(0, 3 * size, size)]
        pd.testing.assert_frame_equal(pd.concat(parts), whole.iloc[: 3 * size], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float64", "object", "string", "Int64", "datetime64[ns]", "category", "boolean"])
def test_columns_never_observed_stay_missing_with_a_warning(dtype):
    frame = few_columns().assign(empty=pd.Series([None] * 178).astype(dtype))
    imputer = quick(ESTIMATORS[-1]).fit(frame)
    with pytest.warns(UserWarning, match="without any observed value in training stay as they are: empty. Drop them"):
        filled = imputer.transform(frame)
    pd.testing.assert_frame_equal(filled, frame)
    assert list(imputer.get_feature_names_out()) == list(frame.columns)


def test_a_level_never_seen_is_left_in_place():
    frame = pd.DataFrame({"x": few_columns()["alcohol"], "label": ["a", "b"] * 89})
    imputer = quick(ESTIMATORS[-1]).fit(frame)
    frame.loc[0, "label"] = "new"
    with pytest.warns(UserWarning, match="'label'.*never seen in training"):
        assert imputer.transform(frame)["label"][0] == "new"


def test_gaps_where_training_had_none_are_filled():
    imputer = quick(ESTIMATORS[-1]).fit(few_columns())
    assert not imputer.transform(with_holes(few_columns())).isna().any(axis=None)


def test_patterns_never_seen_in_training_are_filled():
    """Training lacks one column at a time, the rows to fill all but one."""
    frame = few_columns()
    for row in range(0, 80):
        frame.iloc[row, row % 4] = np.nan
    imputer = quick(ESTIMATORS[-1]).fit(frame)
    for kept in frame:
        rest = few_columns().assign(**{name: np.nan for name in frame if name != kept})
        filled = imputer.transform(rest)
        assert not filled.isna().any(axis=None)
        assert filled[kept].equals(few_columns()[kept])


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_column_that_lost_all_its_cells_is_filled(imputer, library):
    lost = ["float64", "string", "object", "category", "datetime"]
    frame = mixed_frame()
    for name in lost:
        frame[name] = pd.Series([None] * 150, index=frame.index).astype(frame[name].dtype)
    if library != "pandas":
        frame = frame.astype({"object": "string"})  # an object column of None has no type there
    filled = native(imputer.transform(LIBRARIES[library](frame)))
    for name in lost:
        assert set(filled[name]) <= set(complete_frame()[name]) or name in ("float64", "datetime"), name
        assert all(cell is not None for cell in filled[name]), name


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_labels_are_filled_within_the_levels_that_the_column_admits(library):
    import polars as pl

    def frame(labels, levels):
        x = np.tile([1.0, 2.0, 3.0], 60)
        if library == "pandas":
            return pd.DataFrame({"x": x, "label": pd.Categorical(labels, categories=levels)})
        return pl.DataFrame({"x": x, "label": pl.Series(labels, dtype=pl.Enum(levels))})

    imputer = quick(ESTIMATORS[-1]).fit(frame(["a", "a", "b"] * 60, ["a", "b", "c"]))
    narrow = frame([None, "b", None] * 60, ["b", "z"])
    filled = imputer.transform(narrow)
    assert list(filled["label"]) == ["b"] * 180
    assert filled["label"].dtype == narrow["label"].dtype


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.integers(0, 149), min_size=1, max_size=6), seed=st.integers(0, 2**16))
def test_observed_cells_of_polars_come_back(imputer, rows, seed):
    import polars as pl

    frame = as_polars(complete_frame())[rows]
    holes = np.random.default_rng(seed).random(frame.shape) < 0.4
    frame = frame.with_columns(
        pl.when(pl.Series(~holes[:, i])).then(pl.col(name)).alias(name) for i, name in enumerate(frame.columns)
    )
    filled = imputer.transform(frame)
    assert filled.schema == frame.schema
    assert sum(filled.null_count().row(0)) == 0
    for i, name in enumerate(frame.columns):
        assert filled[name].filter(~holes[:, i]).equals(frame[name].filter(~holes[:, i])), name


def test_is_better_than_the_mean():
    """On real data with a third of the cells gone, the error is below that of filling in column means."""
    complete = (wine() - wine().mean()) / wine().std()
    frame = with_holes(complete, 0.3)
    filled = VAEImputer(DenoisingVAE(hidden_dims=(64,), max_epochs=300, batch_size=64, random_state=0)).fit_transform(
        frame
    )
    holes = frame.isna().to_numpy()
    error = np.sqrt(np.mean((filled - complete).to_numpy()[holes] ** 2))
    error_of_means = np.sqrt(np.mean((frame.fillna(frame.mean()) - complete).to_numpy()[holes] ** 2))
    assert error < 0.9 * error_of_means


def test_the_default_model_is_a_denoising_vae():
    assert type(VAEImputer()._default_model()) is DenoisingVAE


def test_any_model_of_the_package_can_be_used():
    filled = VAEImputer(quick(VAE(**SMALL))).fit_transform(with_holes(few_columns()))
    assert not filled.isna().any(axis=None)


def test_polars_columns_of_dtypes_of_their_own_are_filled():
    import polars as pl

    frame = pl.DataFrame(
        {
            "x": few_columns()["alcohol"].head(150).tolist(),
            "enum": pl.Series([*["a", "b"] * 74, None, "c"], dtype=pl.Enum(["c", "b", "a"])),
            "date": pl.Series([*["2024-01-01", "2024-02-01"] * 74, None, None]).str.to_date(),
            "uint8": pl.Series([*[1, 255] * 74, None, 3], dtype=pl.UInt8),
        }
    )
    filled = quick(ESTIMATORS[-1]).fit_transform(frame)
    assert filled.schema == frame.schema
    assert filled.head(148).equals(frame.head(148))
    assert sum(filled.null_count().row(0)) == 0
