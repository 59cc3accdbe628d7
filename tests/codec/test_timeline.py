"""What a timeline tells of the order of rows, and which frames it refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from data import LIBRARIES
from hypothesis import given
from hypothesis import strategies as st

from anomalib_vae.codec.timeline import NOTHING, Timeline


def frame(stamps, series=None) -> pd.DataFrame:
    columns = {"load": np.arange(len(stamps), dtype=float), "time": stamps}
    return pd.DataFrame(columns if series is None else columns | {"machine": series})


def segments(X, time="time", series=None, longest_gap=4) -> list[list[int]]:
    return [part.tolist() for part in Timeline.fit(X, time, series).segments(X, longest_gap)]


def test_without_a_time_rows_follow_each_other():
    assert segments(frame(range(4)), time=None) == [[0, 1, 2, 3]]


def test_stamps_that_are_lacking_leave_steps_of_nothing():
    assert segments(frame([0, 10, 20, 50, 60])) == [[0, 1, 2, NOTHING, NOTHING, 3, 4]]


def test_a_long_interruption_begins_a_new_segment():
    assert segments(frame([0, 1, 2, 3, 4, 9, 10])) == [[0, 1, 2, 3, 4], [5, 6]]
    assert segments(frame([0, 1, 2, 3, 4, 8, 9])) == [[0, 1, 2, 3, 4, NOTHING, NOTHING, NOTHING, 5, 6]]


def test_irregular_stamps_are_a_step_each_at_least():
    assert segments(frame([0.0, 1.0, 2.1, 2.2, 3.2, 5.1])) == [[0, 1, 2, 3, 4, NOTHING, 5]]


def test_series_are_told_apart_where_their_rows_alternate():
    X = frame([0, 0, 1, 1, 2, 2], ["b", "a"] * 3)
    assert segments(X, series="machine") == [[0, 2, 4], [1, 3, 5]]


@pytest.mark.parametrize("library", LIBRARIES)
def test_dates_of_all_libraries(library):
    X = frame(pd.date_range("2024-03-01", periods=5, freq="h")).drop(index=2).reset_index(drop=True)
    assert segments(LIBRARIES[library](X)) == [[0, 1, NOTHING, 2, 3]]


def test_summer_time_is_no_gap_where_stamps_have_a_zone():
    for day in ("2024-03-31", "2024-10-27"):
        zoned = pd.date_range(day, periods=6, freq="h", tz="UTC").tz_convert("Europe/Berlin")
        assert segments(frame(zoned)) == [[0, 1, 2, 3, 4, 5]]


def test_an_hour_that_comes_twice_without_a_zone_is_refused_with_a_remedy():
    zoned = pd.date_range("2024-10-26 23:00", periods=5, freq="h", tz="UTC").tz_convert("Europe/Berlin")
    with pytest.raises(ValueError, match=r"rows 1 and 2 \(counted from 0\).*tz_localize"):
        segments(frame(zoned.tz_localize(None)))


def test_stamps_given_twice_are_refused_with_their_rows():
    with pytest.raises(ValueError, match=r"2 stamps of column 'time' are given twice, in rows 1 and 2, 3 and 4"):
        segments(frame([0, 1, 1, 2, 2, 3]))


def test_two_series_may_have_the_same_stamps():
    X = frame([0, 1, 0, 1], ["a", "a", "b", "b"])
    assert segments(X, series="machine") == [[0, 1], [2, 3]]
    with pytest.raises(ValueError, match=r"row 2 \(counted from 0\) of column 'time' is earlier"):
        segments(X)


def test_rows_out_of_order_are_refused():
    with pytest.raises(ValueError, match=r"row 3 .* earlier than the row before it: sort the rows by time"):
        segments(frame([0, 1, 3, 2]))


def test_missing_stamps_and_names_are_refused_with_their_rows():
    with pytest.raises(ValueError, match=r"time: rows 1, 3 .* of column 'time' hold no stamp"):
        segments(frame([0.0, np.nan, 1.0, np.nan]))
    with pytest.raises(ValueError, match=r"series: rows 2 .* of column 'machine' say not which series"):
        segments(frame([0, 1, 2], ["a", "a", None]), series="machine")


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="time: there is no column 'stamp'; there are load, time"):
        segments(frame([0, 1]), time="stamp")


def test_texts_are_no_stamps():
    with pytest.raises(TypeError, match=r"time: column 'time' holds no times or numbers.*to_datetime"):
        segments(frame(["monday", "tuesday"]))


def test_a_frame_of_stamps_alone_is_refused():
    with pytest.raises(ValueError, match="at least one column of measurements"):
        segments(frame([0, 1])[["time"]])


def test_sensors_are_the_other_columns():
    X = frame([0, 1], ["a", "a"])
    assert list(Timeline.fit(X, "time", "machine").sensors(X)) == ["load"]


@given(st.lists(st.integers(1, 12), min_size=1, max_size=30), st.integers(1, 8))
def test_every_row_is_one_step_in_its_place(distances, longest_gap):
    stamps = np.cumsum([0, *distances])
    X = frame(stamps)
    timeline = Timeline("time", None, 1.0)
    parts = list(timeline.segments(X, longest_gap))
    rows = np.concatenate(parts)
    assert rows[rows != NOTHING].tolist() == list(range(len(stamps)))
    for part in parts:
        known = np.flatnonzero(part != NOTHING)
        np.testing.assert_array_equal(np.diff(known), np.diff(stamps[part[known]]))
        assert np.diff(known).max(initial=0) <= longest_gap
