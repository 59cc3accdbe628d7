"""The mixture of posteriors that takes the place of N(0, I)."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Independent, Normal

from anomalib_vae.networks.aggregate_prior import AggregatePrior

MEMBERS, REFERENCES, WIDTH = 2, 5, 3


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def prior():
    prior = AggregatePrior(MEMBERS, WIDTH).double()
    mean, log_variance = torch.randn(2, MEMBERS, REFERENCES, WIDTH, generator=generator(), dtype=torch.float64)
    prior.fit(2 * mean, log_variance - 1)
    return prior


def components(prior, code):
    """log q(z | x_r) of each reference, without the constant: (members, rows, references)."""
    normal = Independent(Normal(prior.mean[:, None], (prior.log_variance[:, None] / 2).exp()), 1)
    return normal.log_prob(code[:, :, None]) + WIDTH / 2 * math.log(2 * math.pi)


def codes(rows=50):
    return 2 * torch.randn(MEMBERS, rows, WIDTH, generator=generator(1), dtype=torch.float64)


def test_is_the_mixture_without_its_best_component(prior):
    others = components(prior, codes()).sort(-1).values[..., :-1]
    expected = torch.logsumexp(others, -1) - math.log(REFERENCES - 1)
    torch.testing.assert_close(prior.log_density(codes()), expected)


def test_claims_no_more_than_a_density_may():
    """In one dimension its integral is at most 1, so that bounds made with it stay bounds."""
    prior = AggregatePrior(1, 1).double()
    prior.fit(torch.tensor([[[-1.0], [0.0], [2.0]]]).double(), torch.tensor([[[0.0], [-2.0], [1.0]]]).double())
    z = torch.linspace(-20, 20, 40_001, dtype=torch.float64)
    density = prior.log_density(z[None, :, None])[0].exp() / math.sqrt(2 * math.pi)
    assert 0.3 < float(torch.trapezoid(density, z)) <= 1.0


def test_a_hole_between_the_references_costs_more_than_under_a_normal():
    prior = AggregatePrior(1, 1).double()
    prior.fit(torch.tensor([[[-2.0], [-2.1], [2.0], [2.1]]]).double(), torch.full((1, 4, 1), -4.0).double())
    hole, cluster = prior.log_density(torch.tensor([[[0.0], [2.05]]]).double())[0]
    assert hole < -0.5 * 0.0**2 - 50  # N(0, I) finds 0 the most ordinary of all
    assert cluster > hole + 50


def test_samples_lie_at_the_references(prior):
    noise = torch.randn(MEMBERS, 20_000, WIDTH, generator=generator(2), dtype=torch.float64)
    drawn = prior.sample(noise, generator(3))
    torch.testing.assert_close(drawn.mean(1), prior.mean.mean(1), atol=0.1, rtol=0)
    second_moment = (prior.mean.square() + prior.log_variance.exp()).mean(1)
    torch.testing.assert_close(drawn.square().mean(1), second_moment, atol=0.2, rtol=0.05)


def test_a_saved_one_can_be_loaded_into_an_empty_one(prior):
    again = AggregatePrior(MEMBERS, WIDTH).double()
    assert not again.fitted
    again.load_state_dict(prior.state_dict())
    assert again.fitted
    assert torch.equal(again.log_density(codes()), prior.log_density(codes()))
