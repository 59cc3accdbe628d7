"""Predictions are weighed by their errors in cells that none of them has seen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.optimize import minimize

from anomalib_vae.codec.table import TableCodec
from anomalib_vae.networks import stacking as module
from anomalib_vae.networks.stacking import Stacking, _best_weights

FRAME = pd.DataFrame({"x": [1.0, 2.0] * 1000, "y": [5.0, 1.0] * 1000, "label": ["a", "b"] * 1000})


@pytest.fixture
def table():
    """The layout, the rows, and the rows with every cell hidden."""
    codec = TableCodec.fit(FRAME)
    rows = codec.encode(FRAME)
    return codec.layout, rows, rows.hide(torch.tensor(True))


def truth_and_noise(layout, rows):
    truth = rows.values[:, layout.targets]
    return truth, truth + torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))


def test_the_last_one_has_all_the_weight_before_fit(table):
    layout, rows, _ = table
    truth, noisy = truth_and_noise(layout, rows)
    torch.testing.assert_close(Stacking(layout, 2)([noisy, truth]), truth)


def test_all_weight_goes_to_the_one_that_is_right(table):
    layout, rows, hidden = table
    truth, noisy = truth_and_noise(layout, rows)
    stacking = Stacking(layout, 3)
    stacking.fit(rows, hidden, [noisy, truth, -noisy])
    assert (stacking.weights[1] > 0.9).all()
    assert (stacking.weights[0] > 0).all()  # the first has a word beforehand
    stacking.fit(rows, hidden, [truth, noisy, -noisy])
    torch.testing.assert_close(stacking.weights, torch.tensor([[1.0], [0.0], [0.0]]).repeat(1, 4))


def test_each_column_has_weights_of_its_own(table):
    """x is known to the second alone, all else to the first; the levels of a label share theirs."""
    layout, rows, hidden = table
    truth, noisy = truth_and_noise(layout, rows)
    of_x = torch.tensor(layout.column_of_target) == layout.columns.index("x")
    stacking = Stacking(layout, 2)
    stacking.fit(rows, hidden, [torch.where(of_x, noisy, truth), torch.where(of_x, truth, noisy)])
    assert (stacking.weights[1, of_x] > 0.9).all()
    assert (stacking.weights[1, ~of_x] < 0.1).all()
    assert stacking.weights[1, 2] == stacking.weights[1, 3]
    torch.testing.assert_close(stacking.weights.sum(0), torch.ones(4))


@pytest.mark.parametrize("predictions", [2, 3])
def test_without_a_held_out_cell_they_weigh_the_same(table, predictions):
    layout, rows, _ = table
    stacking = Stacking(layout, predictions)
    stacking.fit(rows, rows, [*truth_and_noise(layout, rows), rows.values[:, layout.targets] + 1][:predictions])
    torch.testing.assert_close(stacking.weights, torch.full((predictions, 4), 1 / predictions), atol=1e-4, rtol=0)
    torch.testing.assert_close(stacking.weights.sum(0), torch.ones(4))


def test_few_cells_leave_the_first_its_word(table):
    layout, rows, hidden = table
    truth, noisy = truth_and_noise(layout, rows)
    stacking = Stacking(layout, 2)
    stacking.fit(rows[:20], hidden[:20], [noisy[:20], truth[:20]])
    assert (stacking.weights[0] > 0.5).all()


def test_two_that_say_the_same_share_the_weight(table):
    layout, rows, hidden = table
    truth, noisy = truth_and_noise(layout, rows)
    stacking = Stacking(layout, 3)
    stacking.fit(rows, hidden, [noisy, truth, truth])
    assert (stacking.weights[1:].sum(0) > 0.9).all()


def test_averaged_over_resamples_they_depend_less_on_which_cells_were_held_out(table, monkeypatch):
    layout, rows, hidden = table
    truth = rows.values[:, layout.targets]
    noise = torch.randn((3, *truth.shape), generator=torch.Generator().manual_seed(0))

    def spread_over_parts(resamples: int) -> float:
        monkeypatch.setattr(module, "RESAMPLES", resamples)
        found = []
        for at in range(0, len(rows), 50):
            part = slice(at, at + 50)
            stacking = Stacking(layout, 3)
            stacking.fit(rows[part], hidden[part], list((truth + noise)[:, part]))
            found.append(stacking.weights)
        return float(torch.stack(found).var(0).mean())

    assert spread_over_parts(50) < 0.9 * spread_over_parts(1)


def test_the_weights_are_the_best_that_are_none_negative_and_one_in_all():
    generator = torch.Generator().manual_seed(0)
    roots = torch.randn((30, 3, 3), generator=generator, dtype=torch.float64)
    spread, agreement = roots @ roots.mT, torch.randn((30, 3), generator=generator, dtype=torch.float64)
    found = _best_weights(spread, agreement)
    assert (found >= 0).all()
    assert 0 < (found == 0).double().mean() < 0.7
    for weights, square, line in zip(found.numpy(), spread.numpy(), agreement.numpy(), strict=True):

        def loss(w, square=square, line=line):
            return w @ square @ w - 2 * line @ w

        sums = {"type": "eq", "fun": lambda w: w.sum() - 1}
        other = minimize(loss, np.full(3, 1 / 3), bounds=[(0, 1)] * 3, constraints=[sums])
        assert weights.sum() == pytest.approx(1)
        assert loss(weights) <= other.fun + 1e-9


def test_last_digits_of_predictions_do_not_decide(table):
    """Sums over them differ in these by where in memory they lie."""
    layout = table[0]
    rows, hidden = (part.to(torch.device("cpu"), torch.float64) for part in table[1:])
    noisy = truth_and_noise(layout, rows)[1]
    weights = []
    for off in (0.0, 1e-7):
        stacking = Stacking(layout, 3)
        stacking.fit(rows, hidden, [noisy.roll(2, 0), noisy * (1.0 + off), noisy.roll(4, 0)])
        weights.append(stacking.weights)
    assert (weights[0] > 0.1).all()
    assert torch.equal(*weights)
