"""Levels of latent variables: each posterior is a correction of its prior, each prior depends on the levels above."""

from __future__ import annotations

import pytest
import torch
from data import mixed_frame

from anomalib_vae.codec.table import TableCodec
from anomalib_vae.networks.ladder import LadderNetwork
from anomalib_vae.networks.variational import Architecture

MEMBERS, DIMS = 2, (4, 2, 1)
CODEC = TableCodec.fit(mixed_frame())
BATCH = CODEC.encode(mixed_frame()).to(torch.float64).for_members(MEMBERS)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def network():
    architecture = Architecture(latent_dims=DIMS, hidden_dims=(8,), n_members=MEMBERS)
    return LadderNetwork(CODEC.layout, architecture, generator()).double()


def noise():
    return torch.randn(MEMBERS, len(BATCH), sum(DIMS), generator=generator(1), dtype=torch.float64)


def test_without_a_correction_the_posterior_is_the_prior(network):
    with torch.no_grad():
        for correction in network.corrections:
            correction.head.weight.zero_()
            correction.head.bias.zero_()
        for prior in network.priors:
            prior.head.weight *= 0.1  # away from the limits of a log-variance, where clamping it again moves it
    posterior = network.posterior(BATCH, noise())
    torch.testing.assert_close(posterior.code, network.prior(noise()), atol=0.05, rtol=0)
    assert posterior.divergence.max() < 1e-3


def test_the_top_level_is_standard_normal(network):
    assert torch.equal(network.prior(noise())[..., 6:], noise()[..., 6:])


def test_lower_levels_depend_on_those_above_and_not_the_other_way(network):
    top, bottom = noise(), noise()
    top[..., 6:] += 1
    bottom[..., :4] += 1
    before = network.prior(noise())
    assert (network.prior(top) != before).all(-1).all()
    assert torch.equal(network.prior(bottom)[..., 4:], before[..., 4:])


def test_the_code_has_the_lowest_level_first(network):
    assert network.code_width == sum(DIMS)
    changed = noise()
    changed[..., :4] += 1
    one, other = (network.posterior(BATCH, draws).code for draws in (noise(), changed))
    assert torch.equal(one[..., 4:], other[..., 4:])
    assert (one[..., :4] != other[..., :4]).all()


def test_needs_a_hidden_layer():
    with pytest.raises(ValueError, match="hidden_dims"):
        LadderNetwork(CODEC.layout, Architecture(latent_dims=DIMS, hidden_dims=()), generator())
