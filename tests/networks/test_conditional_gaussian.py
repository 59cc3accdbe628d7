"""The Gaussian that fills gaps: it finds the distribution that made the rows, and conditions on what is observed."""

from __future__ import annotations

import pytest
import torch

from anomalib_vae.codec.batch import Batch
from anomalib_vae.networks import conditional_gaussian
from anomalib_vae.networks.conditional_gaussian import ConditionalGaussian

COVARIANCE = torch.tensor([[4.0, 1.5, 0.0], [1.5, 1.0, 0.4], [0.0, 0.4, 2.0]], dtype=torch.float64)
MEAN = torch.tensor([3.0, -1.0, 0.5], dtype=torch.float64)


def drawn(rows: int, *, rate: float = 0.3) -> Batch:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn((rows, 3), generator=generator, dtype=torch.float64)
    values = MEAN + noise @ torch.linalg.cholesky(COVARIANCE).mT
    observed = (torch.rand((rows, 3), generator=generator) >= rate).double()
    return Batch(values * observed, observed)


@pytest.fixture(scope="module")
def fitted():
    gaussian = ConditionalGaussian(3).double().eval()
    gaussian.fit(drawn(20_000))
    return gaussian


def test_em_finds_mean_and_covariance(fitted):
    covariance = torch.linalg.inv(fitted.precision) * fitted.scale[:, None] * fitted.scale
    torch.testing.assert_close(fitted.centre, MEAN, atol=0.05, rtol=0)
    torch.testing.assert_close(covariance, COVARIANCE, atol=0.12, rtol=0)


def test_missing_cells_get_the_conditional_mean(fitted):
    """Against the textbook's formula, which inverts the observed part of the covariance."""
    rows = drawn(50, rate=0.5)
    covariance = torch.linalg.inv(fitted.precision) * fitted.scale[:, None] * fitted.scale
    for completed, values, seen in zip(fitted.expect(rows), rows.values, rows.observed > 0, strict=True):
        gain = covariance[~seen][:, seen] @ torch.linalg.inv(covariance[seen][:, seen])
        expected = fitted.centre[~seen] + gain @ (values - fitted.centre)[seen]
        torch.testing.assert_close(completed[~seen], expected, atol=1e-8, rtol=0)
        assert torch.equal(completed[seen], values[seen])


def test_columns_of_several_features_take_few_steps():
    """Twelve columns of three features that nearly repeat each other: by single features the steps would not do."""
    generator = torch.Generator().manual_seed(0)
    column = torch.randn((2000, 4), generator=generator) @ torch.randn((4, 12), generator=generator)
    column = column + torch.randn(column.shape, generator=generator)
    values = column.repeat_interleave(3, 1) + 0.05 * torch.randn((2000, 36), generator=generator)
    observed = (torch.rand(column.shape, generator=generator) >= 0.3).repeat_interleave(3, 1).double()
    rows, groups = Batch(values.double() * observed, observed), [i // 3 for i in range(36)]
    found = []
    for grouping in (groups, None):
        gaussian = ConditionalGaussian(36, grouping).double().eval()
        gaussian.fit(rows)
        centred = (rows.values - gaussian.centre) / gaussian.scale * observed
        exact, _ = conditional_gaussian._expectations(centred, observed, gaussian.precision)
        exact = exact * gaussian.scale + gaussian.centre
        found.append(float((gaussian.expect(rows) - exact)[observed == 0].abs().max()))
    assert found[0] < 5e-2 < 0.1 < found[1]


def test_in_training_a_few_steps_come_near_enough():
    rows, gaussian = drawn(2000), ConditionalGaussian(3).double()
    gaussian.fit(rows)
    near = gaussian.expect(rows)
    exact = gaussian.eval().expect(rows)
    assert 0 < float((near - exact).div(gaussian.scale).square().mean().sqrt()) < 0.03


def test_further_cells_are_learned_from_where_fit_ended(fitted):
    rows, few = drawn(20_000), drawn(20_000)[:3000]
    gaussian = ConditionalGaussian(3).double()
    gaussian.fit(few)
    before = (gaussian.centre - fitted.centre).abs().max()
    gaussian.refit(rows)
    assert (gaussian.centre - fitted.centre).abs().max() < 0.3 * before
    assert torch.equal(gaussian.expect(rows)[rows.observed > 0], rows.values[rows.observed > 0])
    torch.testing.assert_close(gaussian.precision, fitted.precision, rtol=0.1, atol=0.1)


def test_a_row_of_gaps_gets_the_mean(fitted):
    nothing = torch.zeros(1, 3, dtype=torch.float64)
    torch.testing.assert_close(fitted.expect(Batch(nothing, nothing))[0], fitted.centre)


def test_a_row_does_not_depend_on_the_rows_beside_it(fitted):
    rows = drawn(40)
    torch.testing.assert_close(fitted.expect(rows[7:8])[0], fitted.expect(rows)[7], atol=1e-12, rtol=0)


def test_features_that_repeat_each_other_or_are_never_seen_are_no_trouble():
    rows = drawn(200)
    values, observed = rows.values[:, [0, 0, 1, 1]].clone(), rows.observed[:, [0, 0, 1, 1]].clone()
    values[:, 3], observed[:, 3] = 0.0, 0.0
    gaussian = ConditionalGaussian(4).double().eval()
    gaussian.fit(Batch(values, observed))
    assert torch.isfinite(gaussian.expect(Batch(values, observed))).all()
    assert gaussian.centre[3] == 0.0


def test_too_many_features_are_taken_as_independent(monkeypatch):
    monkeypatch.setattr(conditional_gaussian, "MAX_FEATURES", 2)
    gaussian, rows = ConditionalGaussian(3).double().eval(), drawn(500)
    gaussian.fit(rows)
    gaps = rows.observed == 0
    torch.testing.assert_close(gaussian.expect(rows)[gaps], gaussian.centre.expand_as(gaps)[gaps])


def test_complete_rows_give_the_sample_s_moments():
    gaussian, rows = ConditionalGaussian(3).double().eval(), drawn(5000, rate=0.0)
    gaussian.fit(rows)
    covariance = torch.linalg.inv(gaussian.precision) * gaussian.scale[:, None] * gaussian.scale
    torch.testing.assert_close(gaussian.centre, rows.values.mean(0))
    torch.testing.assert_close(covariance, torch.cov(rows.values.mT), atol=5e-3, rtol=0)
    assert torch.equal(gaussian.expect(rows), rows.values)
