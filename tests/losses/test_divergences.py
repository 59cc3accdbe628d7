"""Divergences against Monte-Carlo estimates and torch's own."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from anomalib_vae.losses.divergences import free_bits, gaussian_divergence, gaussian_log_density

MEANS = torch.tensor([0.0, 1.5, -3.0], dtype=torch.float64)
LOG_VARIANCES = torch.tensor([0.0, -2.0, 1.0], dtype=torch.float64)
PRIOR_MEANS = torch.tensor([0.5, 0.0, -2.0], dtype=torch.float64)
PRIOR_LOG_VARIANCES = torch.tensor([1.0, 0.3, -0.5], dtype=torch.float64)


def test_is_the_closed_form():
    expected = kl_divergence(
        Normal(MEANS, (LOG_VARIANCES / 2).exp()), Normal(PRIOR_MEANS, (PRIOR_LOG_VARIANCES / 2).exp())
    )
    torch.testing.assert_close(gaussian_divergence(MEANS, LOG_VARIANCES, PRIOR_MEANS, PRIOR_LOG_VARIANCES), expected)
    torch.testing.assert_close(
        gaussian_divergence(MEANS, LOG_VARIANCES),
        kl_divergence(Normal(MEANS, (LOG_VARIANCES / 2).exp()), Normal(0.0, 1.0)),
    )


def test_is_the_mean_log_ratio():
    """KL(q || p) = E_q [log q - log p], which also says that the two functions of the file agree."""
    generator = torch.Generator().manual_seed(0)
    draws = MEANS + (LOG_VARIANCES / 2).exp() * torch.randn(400_000, 3, generator=generator, dtype=torch.float64)
    ratio = gaussian_log_density(draws, MEANS, LOG_VARIANCES) - gaussian_log_density(
        draws, PRIOR_MEANS, PRIOR_LOG_VARIANCES
    )
    exact = gaussian_divergence(MEANS, LOG_VARIANCES, PRIOR_MEANS, PRIOR_LOG_VARIANCES)
    error = ratio.std(0) / math.sqrt(len(draws))
    assert ((ratio.mean(0) - exact).abs() < 5 * error).all()


def test_is_zero_for_the_prior_itself_and_positive_elsewhere():
    assert float(gaussian_divergence(torch.zeros(1), torch.zeros(1))) == 0.0
    grid = torch.cartesian_prod(torch.linspace(-3, 3, 13), torch.linspace(-3, 3, 13))
    assert (gaussian_divergence(grid[:, 0], grid[:, 1]) >= 0).all()


def test_log_density_lacks_only_its_constant():
    expected = Normal(MEANS, (LOG_VARIANCES / 2).exp()).log_prob(torch.ones(3)) + 0.5 * math.log(2 * math.pi)
    torch.testing.assert_close(gaussian_log_density(torch.ones(3, dtype=torch.float64), MEANS, LOG_VARIANCES), expected)


def test_free_bits_cost_nothing_and_pull_at_nothing():
    divergence = torch.tensor([[[0.1, 3.0], [0.3, 1.0]]], requires_grad=True)
    charged = free_bits(divergence, 0.5)
    torch.testing.assert_close(charged, torch.tensor([[[0.5, 2.0]]]))
    charged.sum().backward()
    assert (divergence.grad[..., 0] == 0).all()
    assert (divergence.grad[..., 1] > 0).all()


@pytest.mark.parametrize("nats", [0.0, 0.2, 5.0])
def test_free_bits_never_charge_less_than_the_divergence(nats):
    divergence = torch.rand(2, 8, 3, generator=torch.Generator().manual_seed(0))
    assert (free_bits(divergence, nats) >= divergence.mean(1, keepdim=True)).all()
    assert (free_bits(divergence, nats) >= nats).all()
