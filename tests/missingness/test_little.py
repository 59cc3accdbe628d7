"""Little's test: a published figure, a closed form, its distribution, and the cases in which it can't be made."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, kstest

from anomalib_vae.missingness.little import little_test

# Air quality in New York, May to September 1973 (Chambers et al. 1983, "Graphical methods for data analysis"): ozone,
# radiation, wind and temperature of 153 days; "-" is missing.
AIR = """
41/190/7.4/67 36/118/8/72 12/149/12.6/74 18/313/11.5/62 -/-/14.3/56 28/-/14.9/66 23/299/8.6/65 19/99/13.8/59
8/19/20.1/61 -/194/8.6/69 7/-/6.9/74 16/256/9.7/69 11/290/9.2/66 14/274/10.9/68 18/65/13.2/58 14/334/11.5/64
34/307/12/66 6/78/18.4/57 30/322/11.5/68 11/44/9.7/62 1/8/9.7/59 11/320/16.6/73 4/25/9.7/61 32/92/12/61 -/66/16.6/57
-/266/14.9/58 -/-/8/57 23/13/12/67 45/252/14.9/81 115/223/5.7/79 37/279/7.4/76 -/286/8.6/78 -/287/9.7/74 -/242/16.1/67
-/186/9.2/84 -/220/8.6/85 -/264/14.3/79 29/127/9.7/82 -/273/6.9/87 71/291/13.8/90 39/323/11.5/87 -/259/10.9/93
-/250/9.2/92 23/148/8/82 -/332/13.8/80 -/322/11.5/79 21/191/14.9/77 37/284/20.7/72 20/37/9.2/65 12/120/11.5/73
13/137/10.3/76 -/150/6.3/77 -/59/1.7/76 -/91/4.6/76 -/250/6.3/76 -/135/8/75 -/127/8/78 -/47/10.3/73 -/98/11.5/80
-/31/14.9/77 -/138/8/83 135/269/4.1/84 49/248/9.2/85 32/236/9.2/81 -/101/10.9/84 64/175/4.6/83 40/314/10.9/83
77/276/5.1/88 97/267/6.3/92 97/272/5.7/92 85/175/7.4/89 -/139/8.6/82 10/264/14.3/73 27/175/14.9/81 -/291/14.9/91
7/48/14.3/80 48/260/6.9/81 35/274/10.3/82 61/285/6.3/84 79/187/5.1/87 63/220/11.5/85 16/7/6.9/74 -/258/9.7/81
-/295/11.5/82 80/294/8.6/86 108/223/8/85 20/81/8.6/82 52/82/12/86 82/213/7.4/88 50/275/7.4/86 64/253/7.4/83
59/254/9.2/81 39/83/6.9/81 9/24/13.8/81 16/77/7.4/82 78/-/6.9/86 35/-/7.4/85 66/-/4.6/87 122/255/4/89 89/229/10.3/90
110/207/8/90 -/222/8.6/92 -/137/11.5/86 44/192/11.5/86 28/273/11.5/82 65/157/9.7/80 -/64/11.5/79 22/71/10.3/77
59/51/6.3/79 23/115/7.4/76 31/244/10.9/78 44/190/10.3/78 21/259/15.5/77 9/36/14.3/72 -/255/12.6/75 45/212/9.7/79
168/238/3.4/81 73/215/8/86 -/153/5.7/88 76/203/9.7/97 118/225/2.3/94 84/237/6.3/96 85/188/6.3/94 96/167/6.9/91
78/197/5.1/92 73/183/2.8/93 91/189/4.6/93 47/95/7.4/87 32/92/15.5/84 20/252/10.9/80 23/220/10.3/78 21/230/10.9/75
24/259/9.7/73 44/236/14.9/81 21/259/15.5/76 28/238/6.3/77 9/24/10.9/71 13/112/11.5/71 46/237/6.9/78 18/224/13.8/67
13/27/10.3/76 24/238/10.3/68 16/201/8/82 13/238/12.6/64 23/14/9.2/71 36/139/10.3/81 7/49/10.3/69 14/20/16.6/63
30/193/6.9/70 -/145/13.2/77 14/191/14.3/75 18/131/8/76 20/223/11.5/68
"""


def air() -> pd.DataFrame:
    days = pd.date_range("1973-05-01", "1973-09-30")
    frame = pd.DataFrame([day.split("/") for day in AIR.split()], columns=["ozone", "radiation", "wind", "temperature"])
    return frame.replace("-", np.nan).astype(float).assign(month=days.month, day=days.day)


def test_gives_the_published_figures():
    """R's naniar, mcar_test(airquality), with 35.1061; it divides the covariance by n, Little 1988 by n - 1."""
    test = little_test(air().to_numpy(), air().columns)
    assert test.statistic * 153 / 152 == pytest.approx(35.1061288689702, rel=1e-5)
    assert test.degrees_of_freedom == 14
    assert test.p_value == pytest.approx(chi2.sf(35.1061288689702 * 152 / 153, 14), rel=1e-3)
    assert test.n_patterns == 4
    assert test.columns == tuple(air().columns)


def correlated(rows: int, random) -> np.ndarray:
    return random.multivariate_normal([0, 1, 2], [[1, 0.5, 0.2], [0.5, 2, 0.3], [0.2, 0.3, 1]], size=rows)


def test_is_a_comparison_of_means_where_one_column_has_gaps():
    """With a complete column y and gaps in another one, d² is y's sum of squares between the two patterns over its
    variance."""
    values = correlated(120, np.random.default_rng(0))[:, :2]
    gaps = np.arange(120) % 3 == 0
    values[gaps, 1] = np.nan
    y = values[:, 0]
    between = sum(len(part) * (part.mean() - y.mean()) ** 2 for part in (y[gaps], y[~gaps]))
    test = little_test(values, "ab")
    assert test.statistic == pytest.approx(between / y.var(ddof=1), rel=1e-6)
    assert test.degrees_of_freedom == 1


def test_p_values_are_uniform_where_cells_are_missing_completely_at_random():
    random = np.random.default_rng(0)
    p_values = []
    for _ in range(150):
        values = correlated(300, random)
        values[random.random(values.shape) < 0.15] = np.nan
        p_values.append(little_test(values, "abc").p_value)
    assert kstest(p_values, "uniform").pvalue > 0.01
    assert 0.0 < np.mean(np.array(p_values) < 0.1) < 0.2


def test_rejects_where_gaps_depend_on_another_column():
    random = np.random.default_rng(0)
    for _ in range(10):
        values = correlated(300, random)
        values[random.random(300) < 1 / (1 + np.exp(-2 * values[:, 0])), 1] = np.nan
        test = little_test(values, "abc")
        assert test.p_value < 1e-3
        assert "not MCAR" in str(test)


@pytest.mark.parametrize("scale", [1e-200, 1e-5, 1e8, 1e200])
def test_units_do_not_matter(scale):
    values = air().to_numpy()
    shifted = values * [scale, 1, 1, 1, 1, 1] + [0, 1e6, 0, 0, 0, 0]
    assert little_test(shifted, "abcdef").statistic == pytest.approx(35.1061288689702 * 152 / 153, rel=1e-5)


def test_a_column_that_repeats_others_adds_nothing():
    values = air().to_numpy()
    twice = np.column_stack([values, values[:, 2] + 2 * values[:, 3]])
    test, plain = little_test(twice, "abcdefg"), little_test(values, "abcdef")
    assert test.degrees_of_freedom == plain.degrees_of_freedom
    assert test.statistic == pytest.approx(plain.statistic, rel=1e-3)


def holed(columns: int = 3, rows: int = 60) -> np.ndarray:
    values = np.random.default_rng(0).normal(size=(rows, columns))
    values[::4, 0] = np.nan
    return values


NOT_MADE = {
    "nothing is missing": (lambda: np.nan_to_num(holed()), "no cell is missing in the numeric columns"),
    "one pattern": (lambda: np.column_stack([holed()[:, 1:], np.full(60, np.nan)]), "no cell is missing"),
    "few rows": (lambda: holed()[:4], "4 rows are too few for 3 numeric columns"),
    "one column": (lambda: holed(1), "it needs two numeric columns or more, and there is 1"),
    "no column": (lambda: np.empty((5, 0)), "it needs two numeric columns or more, and there is none"),
    "constant columns": (
        lambda: np.where(np.isnan(holed()), np.nan, [1.0, 2.0, 3.0]),
        "there is none that is not constant",
    ),
    "no row": (lambda: np.empty((0, 3)), "there is none"),
    "nothing but gaps": (lambda: np.full((9, 3), np.nan), "there is none that is not constant"),
    "columns never seen together": (
        lambda: np.where(np.arange(60)[:, None] % 2 == [0, 1], holed(2, 60), np.nan),
        "columns 'a' and 'b' are hardly ever observed together",
    ),
}


@pytest.mark.parametrize(("values", "reason"), NOT_MADE.values(), ids=NOT_MADE)
@pytest.mark.filterwarnings("error")
def test_says_why_it_can_not_be_made(values, reason):
    test = little_test(values(), "abc"[: values().shape[1]])
    assert np.isnan(test.statistic)
    assert np.isnan(test.p_value)
    assert reason in test.reason
    assert str(test) == f"Little's MCAR test: not made, {test.reason}"


def test_rows_without_any_cell_and_constant_columns_are_left_out():
    values = air().to_numpy()
    more = np.vstack([np.column_stack([values, np.full(len(values), 7.0)]), np.full((5, 7), np.nan)])
    test = little_test(more, "abcdefg")
    assert test.columns == tuple("abcdef")
    assert test.statistic == pytest.approx(little_test(values, "abcdef").statistic, rel=1e-9)
