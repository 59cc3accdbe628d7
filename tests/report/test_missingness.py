"""The picture of missing cells draws what the report says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from data import few_columns, mixed_frame, wine, with_holes
from matplotlib.colors import to_hex

from anomalib_vae import report_missing
from anomalib_vae.report import missing_cells
from anomalib_vae.report.canvas import ANOMALY, NORMAL


def drawn(frame):
    figure = missing_cells(report_missing(frame))
    figure.canvas.draw()
    return figure.axes


@pytest.mark.filterwarnings("error::UserWarning", "error::RuntimeWarning")
def test_bars_are_the_shares_and_the_rows_of_the_report():
    report = report_missing(mixed_frame())
    shares, rows, _ = drawn(mixed_frame())
    names = [text.get_text() for text in shares.get_yticklabels()]
    assert {n: b.get_width() for n, b in zip(names, shares.patches, strict=True)} == pytest.approx(
        (100 * report.columns["share"][report.columns["share"] > 0]).to_dict()
    )
    assert [bar.get_height() for bar in rows.patches] == report.patterns["rows"].head(20).tolist()
    assert "the 20 most frequent of" in rows.get_title(loc="left")


def test_squares_stand_where_columns_are_missing():
    frame = few_columns()
    frame.loc[frame["alcohol"] > 13.5, ["malic_acid", "flavanoids"]] = np.nan
    frame.loc[::25, "proline"] = np.nan
    shares, rows, matrix = drawn(frame)
    names = [text.get_text() for text in shares.get_yticklabels()]
    marks = {(int(x), names[int(y)]) for part in matrix.collections for x, y in part.get_offsets()}
    patterns = report_missing(frame).patterns["missing"]
    assert marks == {(x, name) for x, together in enumerate(patterns) for name in together}
    colours = [to_hex(bar.get_facecolor()) for bar in rows.patches]
    assert colours == [ANOMALY if together else NORMAL for together in patterns]
    assert [text.get_text() for text in matrix.get_xticklabels()] == ["complete"]
    assert matrix.get_xlim() == rows.get_xlim()
    assert matrix.get_ylim() == shares.get_ylim()


@pytest.mark.filterwarnings("error::UserWarning", "error::RuntimeWarning")
def test_many_columns_are_cut_with_a_note():
    wide = pd.concat([with_holes(wine(), 0.05).add_prefix(f"a rather long prefix {i} ") for i in range(4)], axis=1)
    shares, _, matrix = drawn(wide)
    assert len(shares.patches) == 30
    assert shares.get_title(loc="left") == "the 30 of 52 columns with most gaps"
    assert max(len(text.get_text()) for text in shares.get_yticklabels()) == 24
    assert all(0 <= y < 30 for part in matrix.collections for _, y in part.get_offsets())


def test_one_column():
    shares, rows, _ = drawn(pd.DataFrame({"x": [1.0, np.nan, 3.0, 4.0]}))
    assert [bar.get_width() for bar in shares.patches] == [25.0]
    assert [bar.get_height() for bar in rows.patches] == [3, 1]


def test_nothing_is_missing():
    with pytest.raises(ValueError, match="nothing to draw: no cell is missing"):
        missing_cells(report_missing(few_columns()))
