"""Draws of a regression's coefficients and scale spread as its posterior does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from anomalib_vae.codec.table import TableCodec
from anomalib_vae.imputing.parameter_uncertainty import LinearSpread

ROWS = 200


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"x": rng.normal(size=ROWS), "y": rng.normal(size=ROWS), "label": rng.choice(["a", "b"], ROWS)}
    )
    frame.loc[: ROWS // 2 - 1, "x"] = np.nan
    codec = TableCodec.fit(frame)
    return codec.encode(frame), codec.layout


def test_shifts_spread_as_the_mean_of_a_regression(table):
    rows, layout = table
    spread = LinearSpread.fit(rows, layout, np.array([2.0, 2.0, 0.0]), ROWS)
    rng = np.random.default_rng(0)
    draws = [spread.draw(rows, layout, rng) for _ in range(400)]
    variance = np.mean(np.var([shift for shift, _ in draws], axis=0), axis=0)
    # the mean of φ'(Φ'Φ)⁻¹φ is the rank over the rows in which the column was observed: intercept, other, one of a, b
    assert variance[0] == pytest.approx(4 * 3 / (ROWS / 2), rel=0.35)
    assert variance[1] == pytest.approx(4 * 3 / ROWS, rel=0.35)
    assert variance[2] == 0
    stretch = np.array([stretch for _, stretch in draws])
    assert stretch[:, 0].std() == pytest.approx(1 / np.sqrt(2 * ROWS / 2), rel=0.2)
    assert (stretch[:, 2] == 1).all()


def test_more_rows_leave_less_open(table):
    rows, layout = table

    def size(training_rows: int) -> float:
        spread = LinearSpread.fit(rows, layout, np.ones(3), training_rows)
        return np.abs(spread.draw(rows, layout, np.random.default_rng(0))[0]).mean()

    assert size(100 * ROWS) < 0.2 * size(ROWS)
