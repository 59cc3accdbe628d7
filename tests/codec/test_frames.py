"""The border to the data-frame libraries: what each dtype is read as, and written back as."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from data import LIBRARIES, complete_frame, mixed_frame

from anomalib_vae.codec import frames

FAMILIES = {
    "float64": "number",
    "float32": "number",
    "Float64": "number",
    "int64": "integer",
    "int8": "integer",
    "Int64": "integer",
    "bool": "boolean",
    "boolean": "boolean",
    "category": "label",
    "string": "label",
    "object": "label",
    "datetime": "time",
    "datetime_tz": "time",
    "timedelta": "duration",
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_families(library):
    columns = frames.read(LIBRARIES[library](mixed_frame()))
    assert {column.name: column.family for column in columns} == FAMILIES


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_libraries_are_read_alike(library):
    expected = frames.read(mixed_frame())
    for one, other in zip(expected, frames.read(LIBRARIES[library](mixed_frame())), strict=True):
        if one.family == "label":
            assert one.values.tolist() == other.values.tolist(), one.name
        else:
            np.testing.assert_array_equal(one.values, other.values, err_msg=one.name)


@pytest.mark.parametrize("library", LIBRARIES)
def test_missing_cells_are_seen(library):
    for column in frames.read(LIBRARIES[library](mixed_frame())):
        np.testing.assert_array_equal(column.observed, mixed_frame()[column.name].notna())


OBJECTS = [
    ([1, 2, None], "integer"),
    ([1, 2.5, None], "number"),
    ([np.float32(1), np.int8(2)], "number"),
    ([True, False, None], "boolean"),
    ([np.True_, None, np.nan], "boolean"),
    (["a", None, pd.NA], "label"),
    (["a", 1, 2.5], "label"),
    ([True, 2], "label"),
    ([None, None], "label"),
    ([np.nan, pd.NA, pd.NaT], "label"),
]


@pytest.mark.parametrize(("cells", "family"), OBJECTS, ids=[repr(cells) for cells, _ in OBJECTS])
def test_an_object_column_is_what_its_cells_are(cells, family):
    (column,) = frames.read(pd.DataFrame({"x": pd.Series(cells, dtype=object)}))
    assert column.family == family
    np.testing.assert_array_equal(column.observed, ~pd.isna(pd.Series(cells, dtype=object)))


ARRAYS = [
    (np.ones((2, 1)), "number"),
    (np.ones((2, 1), dtype=int), "number"),
    (np.ones((2, 1), dtype=bool), "boolean"),
    (np.array([["a"], ["b"]]), "label"),
    (np.array([["2024-01-01"], ["NaT"]], dtype="M8[D]"), "time"),
    (np.array([[1], [2]], dtype="m8[h]"), "duration"),
]


@pytest.mark.parametrize(("array", "family"), ARRAYS, ids=[str(array.dtype) for array, _ in ARRAYS])
def test_arrays(array, family):
    (column,) = frames.read(array)
    assert (column.name, column.family) == ("x0", family)


@pytest.mark.parametrize("other", [1.0, np.nan, 1e308, np.inf])
@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
def test_an_infinity_in_an_array_is_found_whatever_is_beside_it(infinity, other):
    array = np.full((4, 3), other if np.isfinite(other) else 1.0)
    array[3, 2] = other
    array[2, 1] = infinity
    with pytest.raises(ValueError, match=r"'x1' holds an infinity \(row 2\)"):
        frames.read(array)


def test_gaps_and_huge_numbers_in_an_array_are_no_infinities():
    for array in (np.full((4, 3), 1e308), np.full((4, 3), np.nan), np.full((4, 3), 3e38, np.float32)):
        assert len(frames.read(array)) == 3


def test_the_columns_of_an_array_of_floats_are_not_copied():
    array = np.ones((4, 3))
    assert all(np.shares_memory(column.values, array) for column in frames.read(array))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "Asia/Tokyo"])
def test_times_of_every_unit_are_one_scale(unit, zone):
    moments = pd.Series(pd.to_datetime(["2024-01-01 12:00", None])).dt.as_unit(unit)
    if zone:
        moments = moments.dt.tz_localize("UTC").dt.tz_convert(zone)
    (column,) = frames.read(pd.DataFrame({"t": moments}))
    assert column.values[0] == pd.Timestamp("2024-01-01 12:00").timestamp() * 1e6
    assert np.isnan(column.values[1])


def test_polars_dtypes_of_their_own():
    frame = pl.DataFrame(
        {
            "date": pl.Series(["2024-01-01", "2024-01-02"]).str.to_date(),
            "enum": pl.Series(["a", "b"], dtype=pl.Enum(["b", "a", "c"])),
            "decimal": pl.Series([1.5, 2.5]).cast(pl.Decimal(10, 2)),
            "uint8": pl.Series([1, 2], dtype=pl.UInt8),
            "null": pl.Series([None, None]),
        }
    )
    columns = {column.name: column for column in frames.read(frame)}
    assert [c.family for c in columns.values()] == ["time", "label", "number", "integer", "label"]
    made = frames.write({name: column.values for name, column in columns.items()}, frames.empty_like(frame))
    assert made.equals(frame)
    assert made.schema == frame.schema


def test_arrow_tables_of_several_chunks():
    table = pa.concat_tables([pa.table({"x": [1, None]}), pa.table({"x": [3]})])
    (column,) = frames.read(table)
    np.testing.assert_array_equal(column.values, [1, np.nan, 3])


def test_a_nested_polars_column_is_refused_by_name():
    with pytest.raises(TypeError, match=r"'nested' has dtype List.*convert"):
        frames.read(pl.DataFrame({"nested": [[1], [2]]}))


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_was_read_can_be_written(library):
    frame = LIBRARIES[library](complete_frame().reset_index(drop=True))
    template = frames.empty_like(frame)
    assert len(template) == 0
    made = frames.write({c.name: c.values for c in frames.read(frame)}, template)
    if library == "pyarrow":  # tables of the same labels are unequal where their dictionaries are in another order
        assert made.to_pydict() == frame.to_pydict()
        assert made.schema == frame.schema
    else:
        assert made.equals(frame)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_template_survives_arrow(library):
    template = frames.empty_like(LIBRARIES[library](complete_frame()))
    again = frames.from_arrow(frames.to_arrow(template), frames.library_of(template), list(complete_frame().columns))
    assert type(again) is type(template)
    if library == "pandas":
        pd.testing.assert_series_equal(again.dtypes, template.dtypes)
    else:
        assert again.schema == template.schema


def test_whole_numbers_stay_in_the_range_of_their_dtype():
    template = pd.DataFrame(
        {"x": pd.Series(dtype="int64"), "y": pd.Series(dtype="uint64"), "z": pd.Series(dtype="int8")}
    )
    far = np.array([1e30, -1e30])
    made = frames.write({"x": far, "y": far, "z": far}, template)
    assert made["x"].tolist() == [pytest.approx(2**63, rel=1e-12), -(2**63)]
    assert made["y"].tolist() == [pytest.approx(2**64, rel=1e-12), 0]
    assert made["z"].tolist() == [127, -128]


def test_the_index_can_be_taken_over():
    frame = complete_frame()[["float64"]]
    made = frames.write({"float64": np.zeros(len(frame))}, frames.empty_like(frame), index_of=frame)
    assert made.index.equals(frame.index)


def test_an_array_has_no_template():
    assert frames.empty_like(np.ones((2, 2))) is None
    np.testing.assert_array_equal(frames.write({"a": np.ones(2), "b": np.zeros(2)}, None), [[1, 0], [1, 0]])


@pytest.mark.parametrize("library", LIBRARIES)
def test_infinities_are_named_with_their_row(library):
    frame = LIBRARIES[library](pd.DataFrame({"fine": [1.0, 2.0], "broken": [1.0, -np.inf]}))
    with pytest.raises(ValueError, match=r"'broken' holds an infinity \(row 1\): replace inf by NaN"):
        frames.read(frame)
