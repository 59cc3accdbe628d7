"""Windows hold the rows that they should, and what is found of windows comes back to the rows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from data import mixed_frame, with_holes
from hypothesis import given
from hypothesis import strategies as st

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.table import TableCodec
from anomalib_vae.codec.timeline import NOTHING
from anomalib_vae.codec.windows import WindowLayout, Windows, step_layout

NUMBERS = WindowLayout.of(step_layout(TableCodec.fit(np.arange(6.0).reshape(3, 2)).layout), 3)


def windows(segments, stride=1, rows=None) -> Windows:
    count = sum(int((np.array(s) != NOTHING).sum()) for s in segments)
    values = torch.arange(2.0 * count).view(count, 2) if rows is None else rows
    return Windows.over(Batch.complete(values), [np.array(s) for s in segments], NUMBERS, stride)


def test_each_window_holds_the_steps_one_after_the_other():
    batch = windows([range(5)])[:]
    assert batch.values.tolist() == [[0, 1, 2, 3, 4, 5], [2, 3, 4, 5, 6, 7], [4, 5, 6, 7, 8, 9]]
    assert batch.is_complete


def test_no_window_reaches_over_two_segments():
    assert windows([range(4), range(4, 7)]).starts.tolist() == [0, 1, 4]


def test_the_last_window_is_there_whatever_the_stride():
    assert windows([range(9)], stride=4).starts.tolist() == [0, 4, 6]


def test_a_short_segment_begins_with_steps_of_nothing():
    batch = windows([range(1)])[:]
    assert batch.values.tolist() == [[0, 0, 0, 0, 0, 1]]
    assert batch.observed.tolist() == [[0, 0, 0, 0, 1, 1]]


def test_steps_without_a_row_are_missing():
    batch = windows([[0, NOTHING, 1]])[:]
    assert batch.values.tolist() == [[0, 1, 0, 0, 2, 3]]
    assert batch.observed.tolist() == [[1, 1, 0, 0, 1, 1]]


def test_what_is_found_of_windows_is_their_mean_on_each_row():
    assert windows([range(4), range(4, 6)]).spread(np.array([1.0, 3.0, 5.0])).tolist() == [1, 2, 2, 3, 5, 5]


def test_rows_keep_their_place_where_series_alternate():
    found = windows([[0, 2, 4], [1, 3, 5]]).spread(np.array([1.0, 2.0]))
    assert found.tolist() == [1, 2, 1, 2, 1, 2]


def test_what_is_found_of_steps_is_their_mean_on_each_row():
    held = windows([range(7)], stride=2)
    found = held.overlap(lambda batch: NUMBERS.split(batch.values).numpy(), 2)
    np.testing.assert_array_equal(found, np.arange(14.0).reshape(7, 2))


def test_a_row_is_in_the_middle_of_its_window_or_as_near_as_can_be():
    centred, of_rows = windows([range(6)], stride=3).centred()
    assert centred.starts[of_rows].tolist() == [0, 0, 1, 2, 3, 3]


@pytest.mark.parametrize("index", [slice(1, 3), np.array([2, 0]), torch.tensor([[0, 1], [2, 2]])])
def test_windows_of_encoded_rows_and_of_rows_still_to_be_encoded_are_the_same(index):
    X = with_holes(mixed_frame()[["float64", "int64"]], 0.2)
    table = TableCodec.fit(X)
    layout, segments = WindowLayout.of(table.layout, 4), [np.arange(len(X))]
    one, other = (Windows.over(rows, segments, layout, 1)[index] for rows in (table.encode(X), table.rows(X)))
    torch.testing.assert_close(one.values, other.values, rtol=0, atol=0)
    torch.testing.assert_close(one.observed, other.observed, rtol=0, atol=0)


def test_features_of_a_window_lie_kind_by_kind_and_split_into_steps_again():
    table = TableCodec.fit(mixed_frame())
    layout = WindowLayout.of(step_layout(table.layout), 3)
    kinds = [block.kind for block in layout.blocks]
    assert kinds == sorted(kinds, key=["real", "binary", "category"].index)
    assert len(layout.blocks) == 3 * len(table.layout.blocks)
    steps = torch.randn(5, 3, layout.step.width)
    assert torch.equal(layout.split(layout.join(steps)), steps)
    assert layout.of_columns.width == len(layout.blocks)


def test_a_sensor_has_one_scale_at_all_steps():
    table = TableCodec.fit(mixed_frame())
    layout = WindowLayout.of(step_layout(table.layout), 3)
    real = layout.of_kind("real")
    by_sensor = {}
    for block, scale in zip(real, layout.scales, strict=True):
        by_sensor.setdefault(block.column, set()).add(scale)
    assert all(len(scales) == 1 for scales in by_sensor.values())
    assert len(set(layout.scales)) == len(by_sensor)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=4), st.integers(1, NUMBERS.length))
def test_every_row_is_in_a_window(lengths, stride):
    bounds = np.cumsum([0, *lengths])
    held = windows([range(a, b) for a, b in itertools.pairwise(bounds)], stride)
    np.testing.assert_array_equal(held.spread(np.ones(len(held))), np.ones(bounds[-1]))
