"""Hidden cells tell how far predictions are off; here the predictions are made up, so what is right is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from anomalib_vae.codec.table import TableCodec
from anomalib_vae.imputing.cell_calibration import FEW, KEPT, CellCalibration, hidden_cells

ROWS = 2000


def table(rows: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=rows)
    frame = pd.DataFrame({"x": x, "y": x + rng.exponential(size=rows), "true": rng.random(rows) < 0.7})
    frame["label"] = rng.choice(["a", "b", "c"], rows, p=[0.6, 0.3, 0.1])
    frame.loc[::4, "x"] = np.nan
    return frame


def calibration(frame: pd.DataFrame, predict) -> CellCalibration:
    codec = TableCodec.fit(frame)
    rng = np.random.default_rng(1)
    return CellCalibration.fit(predict, codec.encode(frame), codec.layout, rng, len(frame))


def constant(levels):
    """Predicts 0, with a deviation of 2, and for levels what is given."""

    def predict(rows):
        shape = (len(rows), 1)
        prediction = np.hstack([np.zeros((len(rows), 2)), np.tile(levels, shape)])
        return prediction, np.full(prediction.shape, 2.0)

    return predict


def test_each_observed_cell_is_hidden_once_and_no_other():
    frame = table(12)
    codec = TableCodec.fit(frame)
    rows, layout = codec.encode(frame), codec.layout
    asked = []

    def predict(batch):
        asked.append(batch)
        return np.zeros((len(batch), 6)), np.ones((len(batch), 6))

    cells, widths = hidden_cells(predict, rows, layout), {0: 2, 1: 2, 2: 1, 3: 3}
    for column, part in enumerate(cells):
        assert part.row.tolist() == np.flatnonzero(frame.notna().to_numpy()[:, column]).tolist()
        assert np.array_equal(part.truth, rows.values[part.row][:, layout.targets[layout.target_slices[column]]])
        assert part.prediction.shape == part.deviation.shape == part.truth.shape
    for column, batch in enumerate(asked):
        start = sum(widths[c] for c in range(column))
        assert (batch.observed[:, start : start + widths[column]] == 0).all()
        assert batch.observed.sum(1).min() >= 8 - widths[column] - 2


def test_quantiles_are_those_of_the_residuals_and_skewed_as_they():
    found = calibration(table(), constant([0.7, 0.6, 0.3, 0.1]))
    numbers = table()[["x", "y"]]
    standard = (numbers - numbers.mean()) / numbers.std(ddof=0)
    for position, name in enumerate("xy"):
        for p in (0.05, 0.5, 0.95):
            assert found.quantile(position, p) * 2 == pytest.approx(standard[name].quantile(p), abs=0.15)
    assert found.quantile(1, 0.95) > 1.1 * -found.quantile(1, 0.05)
    assert len(found.residuals[0]) <= KEPT
    assert found.quantile(0, 0.0) == found.residuals[0][0]


def test_frequencies_are_those_of_all_observed_cells():
    found = calibration(table(), constant([0.7, 0.6, 0.3, 0.1]))
    shares = table()["label"].value_counts(normalize=True)
    assert found.labels.frequencies[3] == pytest.approx(shares[["a", "b", "c"]].to_numpy(), abs=0.002)
    assert found.labels.frequencies[2][1] == pytest.approx(table()["true"].mean(), abs=0.002)
    assert [len(part) for part in found.labels.frequencies] == [0, 0, 2, 3]


@pytest.mark.parametrize("sure", [0.4, 0.999])
def test_probabilities_are_calibrated(sure):
    """Predictions that have nothing to do with what is found leave levels as probable as they are frequent."""
    found = calibration(table(), constant([sure, sure, (1 - sure) / 2, (1 - sure) / 2]))
    p = found.probabilities(3, np.array([[sure, (1 - sure) / 2, (1 - sure) / 2]]))
    np.testing.assert_allclose(p[0], [0.6, 0.3, 0.1], atol=0.12)
    assert found.probabilities(2, np.array([[sure]]))[0, 1] == pytest.approx(0.7, abs=0.08)


def test_columns_of_few_cells_take_those_of_all():
    frame = table()
    frame.loc[FEW // 2 :, "x"] = np.nan
    found = calibration(frame, constant([0.7, 0.6, 0.3, 0.1]))
    assert len(found.residuals[0]) > FEW
    assert found.quantile(0, 0.9) == pytest.approx(found.quantile(1, 0.9), abs=0.1)


def test_state_gives_it_back():
    found = calibration(table(), constant([0.7, 0.6, 0.3, 0.1]))
    again = CellCalibration.from_state(found.state())
    for one, other in zip(found.residuals, again.residuals, strict=True):
        assert np.array_equal(one, other)
    assert (found.labels.temperature, found.labels.background) == (again.labels.temperature, again.labels.background)
    assert np.array_equal(found.labels.frequencies[3], again.labels.frequencies[3])
    assert np.array_equal(found.precision, again.precision)
    assert np.array_equal(found.spread.gram, again.spread.gram)
