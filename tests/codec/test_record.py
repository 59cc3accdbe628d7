"""One row by itself is what a frame of one row is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from data import mixed_frame

from anomalib_vae.codec import frames, selection
from anomalib_vae.codec.record import Record
from anomalib_vae.codec.table import TableCodec


@pytest.mark.parametrize("row", range(0, 20, 4))
def test_a_record_reads_as_its_frame_does(row):
    frame = mixed_frame().iloc[[row]]
    (record,) = (Record.of(cells, frame.columns) for cells in frame.to_dict("records"))
    assert len(record) == 1
    assert frames.names_of(record) == list(frame.columns)
    for one, other in zip(frames.read(record), frames.read(frame), strict=True):
        assert one.name == other.name
        if other.observed[0]:
            assert one.family == other.family
            assert one.values[0] == other.values[0]
        else:
            assert not one.observed[0]


def test_what_a_row_does_not_name_is_missing():
    columns = frames.read(Record.of({"b": 1.5}, ["a", "b"]))
    assert [column.observed.tolist() for column in columns] == [[False], [True]]


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="no column 'c' in training: correct the name"):
        Record.of({"a": 1.0, "c": 2.0}, ["a", "b"])


def test_a_cell_that_no_column_can_hold_is_refused():
    with pytest.raises(TypeError, match="column 'a' holds a list"):
        frames.read(Record({"a": [1]}))
    with pytest.raises(ValueError, match="column 'a' holds an infinity"):
        frames.read(Record({"a": np.inf}))


def test_some_columns_of_a_record():
    some = selection.select(Record({"a": 1, "b": "x", "c": pd.Timestamp(0)}), [2, 0])
    assert some.cells == {"c": pd.Timestamp(0), "a": 1}


@pytest.mark.parametrize(
    "row",
    [
        {"a": 1.5, "b": 2, "c": True},
        {"a": np.float64(-300.0), "b": np.int64(7), "c": None},
        {"a": float("nan"), "b": 1e308, "c": 0.25},
    ],
)
def test_numbers_are_encoded_at_once_as_they_are_one_by_one(row):
    frame = pd.DataFrame({"a": [0.1, 2.0, 3.5], "b": [1, 2, 3], "c": [0.5, 0.25, 1.0]})
    codec = TableCodec.fit(frame)
    at_once = codec.targets(Record.of(row, frame.columns), 20.0)[:]
    one_by_one = codec.targets(pd.DataFrame([row]).astype(float), 20.0)[:]
    np.testing.assert_array_equal(at_once.values, one_by_one.values)
    np.testing.assert_array_equal(at_once.observed, one_by_one.observed)


@pytest.mark.parametrize("cell", ["1.5", np.inf, pd.Timestamp(0)])
def test_what_is_no_finite_number_is_not_taken_for_one(cell):
    frame = pd.DataFrame({"a": [0.1, 2.0, 3.5], "b": [1, 2, 3]})
    assert Record({"a": 1.0, "b": cell}).numbers() is None
    with pytest.raises((TypeError, ValueError), match="column 'b'"):
        TableCodec.fit(frame).targets(Record.of({"a": 1.0, "b": cell}, frame.columns), 20.0)
