"""The report of what is missing says what is there to see, for every kind of frame."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from data import LIBRARIES, as_polars, few_columns, mixed_frame, with_holes

from anomalib_vae import report_missing


@pytest.mark.parametrize("library", LIBRARIES)
def test_counts_cells_and_rows(library):
    frame = mixed_frame()
    report = report_missing(LIBRARIES[library](frame))
    assert report.columns.index.tolist() == list(frame)
    assert report.columns["missing"].tolist() == frame.isna().sum().tolist()
    np.testing.assert_allclose(report.columns["share"], frame.isna().mean())
    assert report.columns.loc[["Int64", "boolean", "object"], "kind"].tolist() == ["integer", "boolean", "label"]
    assert report.n_rows == report.patterns["rows"].sum() == 150
    counted = frame.isna().value_counts()
    assert report.patterns["rows"].tolist() == counted.tolist()
    for together, rows in zip(report.patterns["missing"], report.patterns["rows"], strict=True):
        assert counted[tuple(name in together for name in frame)] == rows


def test_patterns_are_sorted_by_frequency_and_name_their_columns():
    frame = pd.DataFrame({"a": [np.nan, np.nan, 1.0, 2.0, 3.0], "b": ["x", "y", None, "x", "y"], "c": [1, 2, 3, 4, 5]})
    frame.loc[[0, 1], "b"] = None
    patterns = report_missing(frame).patterns
    assert patterns["missing"].tolist() == [(), ("a", "b"), ("b",)]
    assert patterns["rows"].tolist() == [2, 2, 1]
    assert patterns["share"].tolist() == [0.4, 0.4, 0.2]


def test_the_test_is_on_the_numeric_columns():
    frame = few_columns().assign(label="x", day=pd.Timestamp("2024-01-01"), n=range(178))
    frame.loc[frame["alcohol"] > 13.5, "proline"] = np.nan
    test = report_missing(frame).test
    assert test.columns == (*few_columns(), "n")
    assert test.p_value < 1e-6
    by_chance = report_missing(with_holes(few_columns())).test
    assert by_chance.p_value > 0.01


def test_a_value_can_stand_for_a_missing_cell():
    frame = with_holes(few_columns())
    report, expected = report_missing(frame.fillna(-1), missing_values=-1), report_missing(frame)
    pd.testing.assert_frame_equal(report.columns, expected.columns)
    pd.testing.assert_frame_equal(report.patterns, expected.patterns)
    assert report.test == expected.test


def test_arrays_are_reported_by_position():
    report = report_missing([[1.0, np.nan], [2.0, 3.0]])
    assert report.columns["missing"].to_dict() == {"x0": 0, "x1": 1}


def test_a_complete_frame():
    report = report_missing(few_columns())
    assert report.patterns["missing"].tolist() == [()]
    assert report.test.reason == "no cell is missing in the numeric columns"
    assert repr(report).startswith("0.0% of 712 cells are missing, in 0 of 4 columns; 178 of 178 rows are complete")


@pytest.mark.parametrize("form", [repr, lambda report: report._repr_html_()])
def test_can_be_read(form):
    frame = few_columns().rename(columns={"alcohol": "<alcohol>"})
    frame.loc[:88, ["<alcohol>", "proline"]] = np.nan
    frame.loc[100:102, "proline"] = np.nan
    text = form(report_missing(frame))
    assert "25.4% of 712 cells are missing, in 2 of 4 columns; 86 of 178 rows are complete" in text
    assert "51.7%" in text
    assert ", proline" in text
    assert "Little" in text
    assert ("<table" in text) == ("&lt;alcohol&gt;" in text) == ("<alcohol>" not in text)
    assert "malic_acid" not in text  # it has no gaps


def test_long_reports_are_cut():
    wide = with_holes(pd.concat([few_columns().add_suffix(f" of vineyard {i}") for i in range(10)], axis=1))
    assert len(repr(report_missing(wide)).splitlines()) < 60
    assert max(map(len, repr(report_missing(wide)).splitlines()[:-1])) < 120


@pytest.mark.parametrize("frame", [few_columns().head(0), few_columns()[[]], as_polars(few_columns()).head(0)])
def test_nothing_to_report_on(frame):
    with pytest.raises(ValueError, match="no rows or no columns"):
        report_missing(frame)


def test_columns_that_are_missing_altogether():
    report = report_missing(few_columns().assign(none=None, nan=np.nan))
    assert report.columns.loc[["none", "nan"], "share"].tolist() == [1, 1]
    assert report.patterns["missing"].tolist() == [("none", "nan")]
