"""The codec for tables: columns to features and back, missing cells never guessed."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from data import LIBRARIES, complete_frame, few_columns, mixed_frame

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.table import TableCodec


def targets_of(codec, frame) -> np.ndarray:
    """What a perfect network would give back: the targets as they were encoded."""
    return codec.encode(frame).values[:, codec.layout.targets].numpy().astype(np.float64)


@pytest.mark.parametrize("library", LIBRARIES)
def test_decoding_what_was_encoded_gives_the_frame_back(library):
    frame = LIBRARIES[library](complete_frame())
    codec = TableCodec.fit(frame)
    made = codec.decode(targets_of(codec, frame))
    assert type(made) is type(frame)
    if library == "pandas":
        for column in made:
            one, other = made[column], frame[column].reset_index(drop=True)
            if one.dtype.kind in "fM" or column == "Float64":
                gap = (one - other).abs().max()
                assert gap <= (other.max() - other.min()) * 1e-5, column  # float32 on the way
            elif column in ("Int64", "int64", "int8", "bool", "boolean", "category", "string", "object"):
                assert (one == other).all(), column
    else:
        assert made.schema == frame.schema


def test_missing_cells_are_not_observed_and_hold_nothing():
    frame = mixed_frame()
    codec = TableCodec.fit(frame)
    batch = codec.encode(frame)
    for block in codec.layout.blocks:
        observed = batch.observed[:, block.start : block.stop]
        expected = torch.from_numpy(frame[block.column].notna().to_numpy().copy()).float()
        assert torch.equal(observed, expected[:, None].expand_as(observed)), block.column
    assert (batch.values[batch.observed == 0] == 0).all()
    assert torch.isfinite(batch.values).all()
    assert batch.values.dtype == torch.float32


def test_features_are_ordered_by_kind_and_cover_all():
    layout = TableCodec.fit(mixed_frame()).layout
    kinds = [block.kind for block in layout.blocks]
    assert kinds == sorted(kinds, key=["real", "binary", "category"].index)
    assert [block.start for block in layout.blocks] == [0, *(block.stop for block in layout.blocks[:-1])]
    assert len(layout.column_of_feature) == layout.width
    assert len(layout.column_of_target) == len(layout.targets)
    assert sorted(layout.columns) == sorted(mixed_frame().columns)
    for kind in ("real", "binary", "category"):
        span = layout.span(kind)
        assert {layout.blocks[i].kind for i in layout.column_of_feature[span]} == {kind}


def test_numbers_are_standardised_and_ranked():
    frame = few_columns()
    codec = TableCodec.fit(frame)
    values = codec.encode(frame).values
    standard, ranks = values[:, 0], values[:, 1]
    assert float(standard.mean()) == pytest.approx(0, abs=1e-6)
    assert float(standard.std(correction=0)) == pytest.approx(1, abs=1e-5)
    assert float(ranks.std()) == pytest.approx(1, abs=0.05)
    order = frame["alcohol"].argsort().to_numpy().copy()
    assert (ranks[order].diff() >= 0).all()


def test_ranks_do_not_depend_on_the_unit_or_the_shape_of_a_column():
    frame = few_columns()
    plain, bent = TableCodec.fit(frame), TableCodec.fit(np.exp(frame / frame.max() * 5))
    ranks = [c.encode(f).values[:, 1::2] for c, f in ((plain, frame), (bent, np.exp(frame / frame.max() * 5)))]
    torch.testing.assert_close(*ranks)


def test_far_cells_are_held_and_keep_their_side():
    codec = TableCodec.fit(few_columns())
    far = few_columns().head(2).assign(alcohol=[1e30, -1e30], proline=[np.finfo(float).max, np.finfo(float).min])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = codec.encode(far).values
    assert (values[0, [0, 6]] > 5).all()
    assert (values[1, [0, 6]] < -5).all()
    assert (values.abs() < 100).all()


def test_decoded_numbers_stay_in_the_range_seen():
    codec = TableCodec.fit(few_columns())
    made = codec.decode(np.array([[1e9] * 4, [-1e9] * 4]))
    pd.testing.assert_series_equal(made.loc[0], few_columns().max(), check_names=False)
    pd.testing.assert_series_equal(made.loc[1], few_columns().min(), check_names=False)
    assert codec.decode(np.array([[20.0] * 4]), clip=False).loc[0, "alcohol"] > few_columns()["alcohol"].max()


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0, 1e200, 1e-300])
def test_constant_columns_survive(value):
    frame = few_columns().assign(constant=value)
    codec = TableCodec.fit(frame)
    assert torch.isfinite(codec.encode(frame).values).all()
    assert (codec.decode(targets_of(codec, frame))["constant"] == value).all()
    other = codec.encode(frame.assign(constant=value * 3 + 1)).values[:, codec.layout.targets][:, 4]
    assert (other.abs() > 0.5).all()  # a cell that differs is seen to differ


def test_columns_never_observed_survive_and_stay_missing():
    frame = few_columns().assign(empty=np.nan, none=None)
    codec = TableCodec.fit(frame)
    made = codec.decode(targets_of(codec, frame))
    assert made[["empty", "none"]].isna().all(axis=None)
    assert list(made.columns) == list(frame.columns)
    seen_now = codec.encode(frame.assign(empty=5.0, none="x"))
    assert torch.equal(seen_now.observed, codec.encode(frame).observed)


def test_levels_never_seen_warn_once_a_call_and_are_missing():
    frame = pd.DataFrame({"label": ["a", "b", "b", "c"]})
    codec = TableCodec.fit(frame)
    with pytest.warns(UserWarning, match=r"'label': 2 cells hold levels never seen in training \('x', 'y'\)") as heard:
        batch = codec.encode(pd.DataFrame({"label": ["a", "x", "y", None]}))
    assert len(heard) == 1
    assert batch.observed.tolist() == [[1, 1, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]]


def test_columns_of_many_levels_warn_and_share_a_feature():
    labels = [f"common {i % 99}" for i in range(990)] + [f"rare {i}" for i in range(30)]
    frame = pd.DataFrame({"key": labels})
    with pytest.warns(UserWarning, match="'key' has 129 levels: the 99 most frequent.*If it is a key, drop it"):
        codec = TableCodec.fit(frame)
    assert codec.layout.width == 100
    batch = codec.encode(frame)
    assert (batch.values.sum(1) == 1).all()
    assert (batch.values[990:, 99] == 1).all()
    made = codec.decode(targets_of(codec, frame))["key"]
    assert (made[:990] == frame["key"][:990]).all()
    assert made[990:].str.startswith("common").all()  # the shared feature names no level


def test_a_hundred_levels_are_all_told_apart():
    frame = pd.DataFrame({"key": [f"level {i}" for i in range(100)]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        codec = TableCodec.fit(frame)
    assert (codec.decode(targets_of(codec, frame))["key"] == frame["key"]).all()


@pytest.mark.parametrize("columns", [["float64", "bool", "category"], ["bool"], ["category", "string"], ["datetime"]])
def test_any_mixture_of_kinds(columns):
    frame = complete_frame()[columns]
    codec = TableCodec.fit(frame)
    made = codec.decode(targets_of(codec, frame))
    assert list(made.columns) == columns
    pd.testing.assert_series_equal(made.dtypes, frame.dtypes)


def test_survives_json():
    frame = mixed_frame()
    codec = TableCodec.fit(frame)
    again = TableCodec.from_json(json.loads(json.dumps(codec.to_json())), codec.template)
    assert torch.equal(codec.encode(frame).values, again.encode(frame).values)
    pd.testing.assert_frame_equal(codec.decode(targets_of(codec, frame)), again.decode(targets_of(again, frame)))
    assert codec.layout == again.layout


def test_batches_can_be_cut_stacked_and_repeated():
    batch = TableCodec.fit(few_columns()).encode(few_columns())
    assert len(batch) == 178
    assert len(batch[10:20]) == 10
    assert len(batch[torch.tensor([3, 3])]) == 2
    members = batch.for_members(3)
    assert members.values.shape == (3, 178, 8)
    assert members.values.data_ptr() == batch.values.data_ptr()
    repeated = members.repeat(2)
    assert torch.equal(repeated.values[:, :178], repeated.values[:, 178:])
    assert isinstance(batch.to(torch.float64), Batch)
    assert batch.to(torch.float64).observed.dtype == torch.float64


def test_the_mask_of_a_complete_batch_takes_no_memory():
    batch = TableCodec.fit(few_columns()).encode(few_columns())
    for same in (batch, batch.to(torch.float64), batch.repeat(2), batch[3:9], batch[[2, 5]], batch.for_members(2)):
        assert same.is_complete
        assert same.observed.shape == same.values.shape
        assert same.observed.dtype == same.values.dtype
        assert (same.observed == 1).all()
    assert not TableCodec.fit(mixed_frame()).encode(mixed_frame()).to(torch.float64).is_complete


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("make", [complete_frame, mixed_frame, few_columns], ids=lambda make: make.__name__)
def test_rows_encoded_part_by_part_are_those_encoded_at_once(make, library):
    frame = LIBRARIES[library](make())
    codec = TableCodec.fit(frame)
    whole, rows = codec.encode(frame), codec.rows(frame)
    assert len(rows) == len(whole)
    for some in (slice(0, 40), slice(40, 200), slice(7, 8), np.array([3, 3, 90])):
        assert torch.equal(rows[some].values, whole[some].values)
        assert torch.equal(rows[some].observed, whole[some].observed)


def test_new_labels_are_one_warning_however_many_parts_there_are():
    codec = TableCodec.fit(pd.DataFrame({"label": ["a", "b"] * 10}))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rows = codec.rows(pd.DataFrame({"label": ["a", "x"] * 10}))
        observed = torch.cat([rows[start : start + 5].observed[:, 0] for start in range(0, 20, 5)])
    assert torch.equal(observed, torch.tensor([1.0, 0.0] * 10))
    assert len(caught) == 1
    assert "10 cells" in str(caught[0].message)
