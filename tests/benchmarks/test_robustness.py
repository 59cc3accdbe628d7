"""The benchmark of robustness spoils what it says, and compares the models paired."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from data import few_columns
from programs import PROTOCOL, benchmark


@pytest.fixture
def robustness(program_of):
    return program_of("robustness")


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.3])
def test_a_share_of_rows_or_cells_is_moved_far(robustness, rate):
    frame = pd.concat([few_columns()] * 10, ignore_index=True)
    cells = ((robustness.spoil(frame, "cells", rate, 0) - frame).abs() / frame.std()).to_numpy()
    assert (cells > 0).mean() == pytest.approx(rate, abs=0.02)
    np.testing.assert_allclose(cells[cells > 0], robustness.OUTLIER_SD)
    rows = (robustness.spoil(frame, "rows", rate, 0) != frame).to_numpy()
    assert (rows.any(axis=1) == rows.all(axis=1)).all()
    assert rows.any(axis=1).mean() == pytest.approx(rate, abs=0.03)


def test_an_interval_of_paired_differences_holds_their_mean(robustness):
    assert robustness._with_interval(pd.Series([1.0, 1.0, 1.0])) == "+1.0 [+1.0, +1.0]"
    assert robustness._with_interval(pd.Series([0.0, 0.0])) == ""


def test_it_runs_and_prints_each_model(tmp_path):
    (tmp_path / "protocol.py").write_text(PROTOCOL)
    wishes = ("--only", "first", "--seeds", "0", "--kinds", "cells", "--rates", "0.1")
    done = benchmark("robustness.py", "--protocol", tmp_path / "protocol.py", *wishes)
    assert "outlying cells, 10% of the training data" in done.stdout
    for name in ("RobustVAE", "fixed scale", "learned scales", "Student's t"):
        assert name in done.stdout
