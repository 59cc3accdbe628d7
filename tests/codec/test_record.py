"""One row by itself is what a frame of one row is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from data import mixed_frame

from anomalib_vae.codec import frames, selection
from anomalib_vae.codec.record import Record


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
