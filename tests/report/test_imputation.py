"""The picture of imputed beside observed cells draws what it claims."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from data import HOLDS_NO_MISSING, as_polars, complete_frame, mixed_frame, with_holes
from matplotlib.colors import to_hex

from anomalib_vae.report import imputed_against_observed
from anomalib_vae.report.canvas import ANOMALY, NORMAL


def panels(figure) -> dict:
    return {axes.get_title(): axes for axes in figure.axes if axes.get_visible()}


def heights(axes, colour) -> list[float]:
    return [bar.get_height() for bar in axes.patches if to_hex(bar.get_facecolor()) == colour]


@pytest.mark.filterwarnings("error::UserWarning", "error::RuntimeWarning")
def test_bars_of_each_column_add_up_to_each_kind():
    figure = imputed_against_observed(mixed_frame(), complete_frame())
    figure.canvas.draw()
    drawn = panels(figure)
    assert list(drawn) == [c for c in complete_frame() if c not in HOLDS_NO_MISSING]
    for name, axes in drawn.items():
        for colour in (NORMAL, ANOMALY):
            assert sum(heights(axes, colour)) == pytest.approx(100), name


def test_the_legend_and_the_axis_are_named():
    figure = imputed_against_observed(mixed_frame(), complete_frame())
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["observed", "imputed"]
    assert figure.get_supylabel() == "cells [%]"
    assert panels(figure)["timedelta"].get_xlabel() == "seconds"


def test_bars_stand_where_the_values_are():
    before = pd.DataFrame({"x": [0.0] * 50 + [10.0] * 50 + [np.nan] * 4})
    after = before.fillna(10.0)
    axes = panels(imputed_against_observed(before, after))["x"]
    filled = [bar for bar in axes.patches if to_hex(bar.get_facecolor()) == ANOMALY and bar.get_height()]
    assert [bar.get_height() for bar in filled] == [pytest.approx(100)]
    assert filled[0].get_x() <= 10 <= filled[0].get_x() + filled[0].get_width()


def test_whole_numbers_have_a_bar_each():
    counts = pd.DataFrame({"n": pd.array([0, 0, 1, 2, 3, 5, None, None], dtype="Int64")})
    axes = panels(imputed_against_observed(counts, counts.fillna(1)))["n"]
    assert heights(axes, NORMAL) == pytest.approx([100 * k / 6 for k in (2, 1, 1, 1, 0, 1)])
    assert heights(axes, ANOMALY) == pytest.approx([0, 100, 0, 0, 0, 0])


def test_levels_stand_by_frequency_and_rare_ones_together():
    labels = pd.Series([f"level {i}" for i in range(15) for _ in range(20 - i)], dtype="string")
    before = pd.DataFrame({"label": pd.concat([labels, pd.Series([None] * 4, dtype="string")], ignore_index=True)})
    after = before.fillna("level 14")
    axes = panels(imputed_against_observed(before, after))["label"]
    names = [text.get_text() for text in axes.get_xticklabels()]
    assert names == [*(f"level {i}" for i in range(9)), "others"]
    assert heights(axes, ANOMALY) == pytest.approx([0] * 9 + [100])
    assert sum(heights(axes, NORMAL)) == pytest.approx(100)


def test_times_are_written_as_dates():
    days = pd.Series(pd.date_range("2024-01-01", periods=60, freq="D"))
    before = pd.DataFrame({"day": days.mask(days.index % 5 == 0)})
    figure = imputed_against_observed(before, pd.DataFrame({"day": days}))
    figure.canvas.draw()
    labels = [text.get_text() for text in panels(figure)["day"].get_xticklabels()]
    assert all(pd.Timestamp(label).year in (2023, 2024) for label in labels)


@pytest.mark.parametrize("value", [3.7, 4.0, 0.0, 1e17])
@pytest.mark.filterwarnings("error::UserWarning", "error::RuntimeWarning")
def test_a_column_of_equal_numbers(value):
    before = pd.DataFrame({"x": [value] * 5 + [np.nan] * 2})
    figure = imputed_against_observed(before, before.fillna(value))
    figure.canvas.draw()
    axes = panels(figure)["x"]
    assert sum(heights(axes, NORMAL)) == sum(heights(axes, ANOMALY)) == 100


@pytest.mark.filterwarnings("error::UserWarning", "error::RuntimeWarning")
def test_labels_alone_with_gaps():
    before = complete_frame()[["category", "float64"]]
    before.loc[before.index[:9], "category"] = None
    figure = imputed_against_observed(before, complete_frame()[["category", "float64"]])
    assert list(panels(figure)) == ["category"]


def test_of_many_columns_the_first_twelve_are_drawn_and_the_picture_says_so():
    whole = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 20)), columns=[f"x{i}" for i in range(20)])
    figure = imputed_against_observed(with_holes(whole), whole)
    assert list(panels(figure)) == [f"x{i}" for i in range(12)]
    assert figure.get_supxlabel() == "the first 12 of 20 columns with gaps"


def test_polars_and_arrays_are_drawn_as_pandas_is():
    before, after = mixed_frame()[["float64", "Int64", "string"]], complete_frame()[["float64", "Int64", "string"]]
    as_pandas = panels(imputed_against_observed(before, after))
    in_polars = panels(imputed_against_observed(as_polars(before), as_polars(after)))
    for name, axes in as_pandas.items():
        assert heights(in_polars[name], ANOMALY) == heights(axes, ANOMALY)
    array = panels(imputed_against_observed(before[["float64"]].to_numpy(), after[["float64"]].to_numpy()))
    assert heights(array["x0"], NORMAL) == heights(as_pandas["float64"], NORMAL)


def test_cells_that_stay_missing_are_no_imputed_ones():
    before = pd.DataFrame({"x": [1.0, 2.0, np.nan, np.nan], "empty": [np.nan] * 4, "left": [1.0, np.nan, 2.0, 3.0]})
    after = before.assign(x=[1.0, 2.0, 2.0, np.nan])
    drawn = panels(imputed_against_observed(before, after))
    assert list(drawn) == ["x"]
    assert sum(heights(drawn["x"], ANOMALY)) == pytest.approx(100)


def test_nothing_missing_is_refused():
    with pytest.raises(ValueError, match="nothing to draw"):
        imputed_against_observed(complete_frame(), complete_frame())


@pytest.mark.parametrize("change", [lambda f: f.iloc[:-1], lambda f: f.drop(columns="float64")])
def test_frames_that_do_not_match_are_refused(change):
    with pytest.raises(ValueError, match="same columns and rows"):
        imputed_against_observed(mixed_frame(), change(complete_frame()))
