"""Labels: what becomes of them, where they are not known, and which are refused."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.labels import LabelledRows, Labels, apart, beside

KNOWN, ENCODED = [1, 1, 0, 1], [[0, 1], [1, 0], [0, 0], [0, 1]]
WITH_A_GAP = {
    "integers": [7, 3, None, 7],
    "floats with NaN": np.array([7.0, 3.0, np.nan, 7.0]),
    "strings": ["dog", "cat", None, "dog"],
    "booleans": [True, False, None, True],
    "numpy": np.array([np.int8(7), np.int8(3), None, np.int8(7)], dtype=object),
    "categories": pd.Series(["dog", "cat", None, "dog"], dtype="category"),
    "nullable": pd.Series([7, 3, None, 7], dtype="Int64"),
    "polars": pl.Series(["dog", "cat", None, "dog"]),
    "pyarrow": pa.chunked_array([["dog", "cat", None, "dog"]]),
}


@pytest.mark.parametrize("y", WITH_A_GAP.values(), ids=WITH_A_GAP)
def test_labels_of_any_kind_are_one_hot_and_may_be_unknown(y):
    labels = Labels.fit(y, 4)
    batch = labels.encode(y, 4)
    assert batch.values.tolist() == ENCODED
    assert batch.observed.tolist() == [[known, known] for known in KNOWN]
    assert labels.shares == pytest.approx((1 / 3, 2 / 3))
    assert list(labels.classes) == sorted({y[0], y[1]} if isinstance(y, list) else labels.classes)


def test_classes_are_of_the_kind_given():
    for y in (["b", "a"], [2, 1], [True, False]):
        labels = Labels.fit(y, 2)
        assert {type(label) for label in labels.classes} == {type(y[0])}
        assert list(labels.classes) == sorted(y)


def test_complete_labels_are_a_complete_batch():
    labels = Labels.fit([0, 1, 0], 3)
    assert labels.encode([1, 1, 0], 3).is_complete
    assert not labels.encode([1, None, 0], 3).is_complete


@pytest.mark.parametrize("y", [["b", "a", "c"], [4, 5, 4], [True, False, None]])
def test_json_keeps_all(y):
    labels = Labels.fit(y, 3)
    again = Labels.from_json(json.loads(json.dumps(labels.to_json())))
    assert again == labels
    assert [type(label) for label in again.classes] == [type(label) for label in labels.classes]


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        ([0, 1], ValueError, r"y must hold a label for each of 3 rows, shape \(3,\), got the shape \(2,\)"),
        ([[0], [1], [0]], ValueError, r"got the shape \(3, 1\)"),
        (0, ValueError, r"got the shape \(\)"),
        (["a", "a", None], ValueError, "y must hold at least two classes, got 'a'"),
        ([None, np.nan, pd.NA], ValueError, "y must hold at least two classes, got no known label"),
        ([0.5, 1.0, 2.0], ValueError, r"0\.5 is a number that is not whole: .* pandas\.qcut"),
        ([0, "a", 1], TypeError, r"y mixes labels of the types int and str: convert it with astype\(str\)"),
        ([0, True, 1], TypeError, "types bool and int"),
        ([b"a", b"b", b"a"], TypeError, r"integers, strings or booleans, got b'a' of type bytes"),
    ],
)
def test_refuses_what_are_no_labels(y, error, message):
    with pytest.raises(error, match=message):
        Labels.fit(y, 3)


def test_refuses_a_label_that_was_not_in_training():
    labels = Labels.fit(list(range(12)), 12)
    with pytest.raises(
        ValueError, match=r"not in training: 99, 'a'; those of training are 0, 1, .*9, \.\.\., and None"
    ):
        labels.encode([1, 99, "a", 99], 4)


def test_new_rows_have_the_labels_asked_for_and_the_others_by_their_shares():
    labels = Labels.fit(["rare", *["common"] * 3], 4)

    def drawn(y, rows):
        return np.array(labels.classes)[labels.draw(y, rows, torch.Generator().manual_seed(0)).argmax(1)]

    assert (drawn("rare", 5) == "rare").all()
    assert drawn(["rare", "common", "rare"], 3).tolist() == ["rare", "common", "rare"]
    assert (drawn(None, 4000) == "rare").mean() == pytest.approx(0.25, abs=0.03)
    some = drawn(["rare", None] * 2000, 4000)
    assert (some[::2] == "rare").all()
    assert (some[1::2] == "rare").mean() == pytest.approx(0.25, abs=0.03)
    assert (drawn(None, 50) == drawn(None, 50)).all()


def rows(complete: bool) -> Batch:
    values = torch.arange(12.0).reshape(4, 3)
    return Batch.complete(values) if complete else Batch(values, (values != 5).float())


@pytest.mark.parametrize("gap", [False, True])
@pytest.mark.parametrize("complete", [False, True])
def test_labels_are_put_beside_rows_and_taken_apart(complete, gap):
    y = [1, 0, None if gap else 1, 1]
    labels = Labels.fit([0, 1], 2).encode(y, 4)
    both = beside(rows(complete), labels)
    assert both.values.shape == (4, 5)
    assert both.is_complete == (complete and not gap)
    for batch, wanted in zip(apart(both, 3, 2), (rows(complete), labels), strict=True):
        assert torch.equal(batch.values, wanted.values)
        assert torch.equal(batch.observed, wanted.observed)


def test_rows_without_labels_are_rows_of_unknown_labels():
    batch, labels = apart(rows(True), 3, 2)
    assert torch.equal(batch.values, rows(True).values)
    assert labels.values.shape == (4, 2)
    assert not labels.observed.any()


def test_rows_with_labels_are_encoded_where_they_are_asked_for():
    labels = Labels.fit([0, 1], 2).encode([1, 0, None, 1], 4)
    lazily = LabelledRows(rows(False), labels)
    assert len(lazily) == 4
    for some in (slice(None), slice(1, 3), torch.tensor([2, 0])):
        assert torch.equal(lazily[some].values, beside(rows(False), labels)[some].values)
        assert torch.equal(lazily[some].observed, beside(rows(False), labels)[some].observed)
