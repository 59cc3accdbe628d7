"""The discrepancy is 0 on average where laws agree, and only there."""

from __future__ import annotations

import math

import pytest
import torch
from data import digits, few_columns

from anomalib_vae.codec.batch import Batch
from anomalib_vae.losses.mmd import WIDTHS, squared_discrepancy, typical_square

ONE = torch.ones(1, 1, 1, dtype=torch.float64)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def complete(values):
    return Batch.complete(values)


def by_hand(x, y, scale):
    """The definition, pair by pair, of one member."""

    def kernel(a, b):
        return sum(1 / (1 + float((a - b).square().sum()) / (scale * width)) for width in WIDTHS) / len(WIDTHS)

    pairs = [(i, j) for i in range(len(x)) for j in range(len(x)) if i != j]
    total = sum(kernel(x[i], x[j]) + kernel(y[i], y[j]) - kernel(x[i], y[j]) - kernel(x[j], y[i]) for i, j in pairs)
    return total / len(pairs)


def test_it_is_the_mean_over_pairs():
    x, y = normal(2, 5, 3), 1 + normal(2, 5, 3, seed=1)
    found = squared_discrepancy(complete(x), y, 2 * ONE.expand(2, 1, 1))
    expected = [by_hand(a, b, 2.0) for a, b in zip(x, y, strict=True)]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_it_is_zero_on_average_where_laws_agree_however_few_the_rows():
    draws = squared_discrepancy(complete(normal(4000, 4, 2)), normal(4000, 4, 2, seed=1), ONE.expand(4000, 1, 1))
    error = float(draws.std()) / math.sqrt(len(draws))
    assert abs(float(draws.mean())) < 4 * error
    assert (draws < 0).any()


@pytest.mark.parametrize("other", [0.5 + normal(1, 400, 2, seed=1), 2 * normal(1, 400, 2, seed=1)], ids=["mean", "sd"])
def test_it_tells_laws_apart(other):
    same = squared_discrepancy(complete(normal(1, 400, 2)), normal(1, 400, 2, seed=1), ONE)
    assert squared_discrepancy(complete(normal(1, 400, 2)), other, ONE) > 5 * abs(same)


def test_it_falls_and_has_a_slope_however_far_away_the_rows_are():
    x = normal(1, 50, 2)
    far, found = (normal(1, 50, 2, seed=1) + 100).requires_grad_(), []
    for step in (0.0, 50.0, 99.0):
        found.append(float(squared_discrepancy(complete(x), far.detach() - step, ONE)))
    assert found[0] > found[1] > found[2]
    (slope,) = torch.autograd.grad(squared_discrepancy(complete(x), far, ONE).sum(), far)
    assert (slope.sum(1) > 0).all()


def test_members_do_not_feel_each_other():
    x, y = normal(3, 6, 2), normal(3, 6, 2, seed=1).requires_grad_()
    scale = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)[:, None, None]
    found = squared_discrepancy(complete(x), y, scale)
    alone = squared_discrepancy(complete(x[:1]), y[:1], scale[:1])
    torch.testing.assert_close(found[:1], alone)
    (slope,) = torch.autograd.grad(found[0], y)
    assert (slope[0] != 0).any()
    assert (slope[1:] == 0).all()


def test_generated_rows_lack_the_cells_that_real_ones_lack():
    """Even where half of all cells are missing, the laws agree if the complete ones do, and differ otherwise."""
    seen = (torch.rand((3000, 4, 2), generator=torch.Generator().manual_seed(5)) < 0.5).double()
    real = Batch(normal(3000, 4, 2) * seen, seen)
    scale = ONE.expand(3000, 1, 1)
    same, other = (squared_discrepancy(real, normal(3000, 4, 2, seed=1) + shift, scale) for shift in (0.0, 2.0))
    assert abs(float(same.mean())) < 4 * float(same.std()) / math.sqrt(len(same))
    assert float(other.mean()) > 20 * abs(float(same.mean()))
    assert float(other.mean()) > 20 * float(same.std()) / math.sqrt(len(same))


def test_what_is_generated_in_missing_cells_does_not_matter():
    seen = torch.ones(1, 6, 2, dtype=torch.float64)
    seen[:, ::2, 1] = 0
    real, made = Batch(normal(1, 6, 2) * seen, seen), normal(1, 6, 2, seed=1)
    changed = torch.where(seen > 0, made, 99.0)
    torch.testing.assert_close(squared_discrepancy(real, made, ONE), squared_discrepancy(real, changed, ONE))


def test_a_single_row_tells_nothing():
    made = normal(2, 1, 3, seed=1).requires_grad_()
    found = squared_discrepancy(complete(normal(2, 1, 3)), made, ONE.expand(2, 1, 1))
    assert (found == 0).all()
    assert (torch.autograd.grad(found.sum(), made)[0] == 0).all()


# ------------------------------------------------------------------ width of the kernels
def test_the_typical_square_is_the_median_of_the_distances():
    for values in (few_columns().to_numpy(), digits().reshape(-1, 64)):
        rows = torch.tensor(values)
        squares = torch.pdist(rows).square()
        torch.testing.assert_close(typical_square(rows[None])[0, 0, 0], squares.median())


def test_each_member_has_its_own():
    rows = normal(1, 50, 3)
    one, other = typical_square(torch.stack([rows[0], 3 * rows[0]])).flatten()
    torch.testing.assert_close(other, 9 * one)


def test_rows_that_are_mostly_the_same_have_a_width_too():
    rows = torch.zeros(1, 20, 2)
    assert typical_square(rows) == 1
    assert typical_square(rows[:, :1]) == 1
    rows[0, 0] = 3.0
    assert typical_square(rows).item() == pytest.approx(18 * 19 / 190)
