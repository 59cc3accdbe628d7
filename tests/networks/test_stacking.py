"""The network and the Gaussian are weighed by their errors in cells that neither has seen."""

from __future__ import annotations

import pandas as pd
import pytest
import torch

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.table import TableCodec
from anomalib_vae.networks.stacking import Stacking

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


def test_all_weight_goes_to_the_one_that_is_right(table):
    layout, rows, hidden = table
    truth, noisy = truth_and_noise(layout, rows)
    stacking = Stacking(layout)
    stacking.fit(rows, hidden, truth, noisy)
    assert (stacking.share > 0.9).all()
    assert (stacking.share < 1).all()  # the Gaussian has a word beforehand
    stacking.fit(rows, hidden, noisy, truth)
    torch.testing.assert_close(stacking.share, torch.zeros(4))


def test_each_column_has_a_share_of_its_own(table):
    """x is known to the network alone, all else to the Gaussian; the levels of a label share theirs."""
    layout, rows, hidden = table
    truth, noisy = truth_and_noise(layout, rows)
    of_x = torch.tensor(layout.column_of_target) == layout.columns.index("x")
    stacking = Stacking(layout)
    stacking.fit(rows, hidden, torch.where(of_x, truth, noisy), torch.where(of_x, noisy, truth))
    assert (stacking.share[of_x] > 0.9).all()
    assert (stacking.share[~of_x] < 0.1).all()
    assert stacking.share[2] == stacking.share[3]


def test_without_a_held_out_cell_they_weigh_the_same(table):
    layout, rows, _ = table
    stacking = Stacking(layout)
    stacking.fit(rows, rows, *truth_and_noise(layout, rows))
    torch.testing.assert_close(stacking.share, torch.full((4,), 0.5))


def test_few_cells_leave_the_gaussian_its_word(table):
    layout, rows, hidden = table
    truth, noisy = truth_and_noise(layout, rows)
    stacking = Stacking(layout)
    stacking.fit(rows[:20], hidden[:20], truth[:20], noisy[:20])
    assert (stacking.share < 0.5).all()


def test_observed_cells_are_the_network_s(table):
    layout, rows, hidden = table
    stacking = Stacking(layout)
    stacking.share = torch.full((4,), 0.25)
    network, line = torch.ones(1, 2000, 4), torch.zeros(1, 2000, 4)
    assert torch.equal(stacking(Batch(rows.values[None], rows.observed[None]), network, line), network)
    torch.testing.assert_close(stacking(hidden.for_members(1), network, line), 0.25 * network)
