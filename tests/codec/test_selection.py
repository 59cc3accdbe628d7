"""Parts of frames, columns beside them, and room for what is to be filled in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from cases import ESTIMATORS, quick
from data import LIBRARIES, as_arrow, as_polars, complete_frame, few_columns, mixed_frame

from anomalib_vae.codec import selection


def names(frame) -> list[str]:
    return list(frame.column_names if hasattr(frame, "column_names") else frame.columns)


@pytest.mark.parametrize("library", LIBRARIES)
def test_columns_are_selected_by_position(library):
    frame = LIBRARIES[library](mixed_frame())
    part = selection.select(frame, [3, 0])
    assert type(part) is type(frame)
    assert names(part) == ["int64", "float64"]
    assert part["float64"].equals(frame["float64"])


def test_columns_of_arrays_are_selected_by_position():
    np.testing.assert_array_equal(selection.select(np.arange(6).reshape(2, 3), [2, 0]), [[2, 0], [5, 3]])


@pytest.mark.parametrize("library", LIBRARIES)
def test_booleans_stand_beside_a_frame(library):
    frame = LIBRARIES[library](few_columns())
    wider = selection.beside(frame, {"one": np.arange(178) > 5, "two": np.arange(178) > 9})
    assert names(wider) == [*few_columns(), "one", "two"]
    assert pd.Series(wider["one"].to_numpy()).sum() == 172
    assert selection.beside(frame, {}) is frame


@pytest.mark.parametrize("dtype", ["float32", "int64", "object"])
def test_booleans_beside_an_array_take_on_its_dtype(dtype):
    values = np.ones((3, 2), dtype)
    wider = selection.beside(values, {"one": np.array([True, False, True])})
    assert wider.dtype == values.dtype
    assert wider[:, 2].astype(int).tolist() == [1, 0, 1]


def test_only_categories_and_enums_say_what_they_admit():
    import polars as pl

    assert selection.admitted_levels(mixed_frame()) == {"category": frozenset(mixed_frame()["category"].cat.categories)}
    assert selection.admitted_levels(pl.DataFrame({"e": pl.Series(["b"], dtype=pl.Enum(["b", "c"])), "s": ["x"]})) == {
        "e": frozenset({"b", "c"})
    }
    assert selection.admitted_levels(as_arrow(mixed_frame())) == selection.admitted_levels(np.ones((1, 1))) == {}


def test_limits_are_those_of_integer_arrays():
    assert selection.limits(np.ones((1, 1), np.uint8)) == (0, 255)
    assert selection.limits(np.ones((1, 1))) is None
    assert selection.limits(few_columns().astype("int64")) is None


def untyped(name: str, library: str):
    """Three rows of `complete_frame` in which a column lost all its cells and its dtype with them."""
    frame = complete_frame().head(3)
    if library == "pandas":
        return frame.assign(**{name: np.nan})
    if library == "polars":
        return as_polars(frame).with_columns(**{name: None})
    import pyarrow as pa

    table = as_arrow(frame)
    return table.set_column(table.column_names.index(name), name, pa.nulls(3))


@pytest.fixture(scope="module")
def imputer():
    return quick(ESTIMATORS[-1]).fit(mixed_frame())


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", list(complete_frame()))
@pytest.mark.filterwarnings("error")
def test_a_column_that_lost_its_cells_and_its_dtype_gets_both_back(imputer, name, library):
    given = untyped(name, library)
    filled = imputer.transform(given)
    cells = filled[name].to_pylist() if library == "pyarrow" else list(filled[name])
    known = complete_frame()[name]
    if name in ("category", "string", "object"):
        assert set(cells) <= set(known)
    elif name.startswith("bool"):
        assert all(cell in (True, False) for cell in cells)
    elif name.startswith("date"):
        assert all(cell.year == 2024 for cell in cells)
    else:
        assert all(known.min() <= cell <= known.max() for cell in cells)
    for other in set(complete_frame()) - {name}:
        assert filled[other].equals(given[other]), other


def test_an_array_of_nan_has_room_for_labels():
    values = complete_frame()[["float64", "object"]].to_numpy()
    fitted = quick(ESTIMATORS[-1]).fit(values)
    filled = fitted.transform(np.full((2, 2), np.nan))
    assert filled.dtype == object
    assert set(filled[:, 1]) <= set(values[:, 1])


def test_columns_that_need_no_room_keep_their_dtype():
    frame = pd.DataFrame({"a": [np.nan], "b": pd.array([None], dtype="Int8"), "c": pd.Series([None], dtype=object)})
    pd.testing.assert_frame_equal(selection.with_room(frame, {"a": "integer", "b": "number", "c": "label"}), frame)
