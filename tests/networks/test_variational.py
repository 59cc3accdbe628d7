"""The mathematics of variational networks: divergences are divergences, members are apart."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from data import mixed_frame

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.table import TableCodec
from anomalib_vae.losses.corruptions import Mask
from anomalib_vae.networks.ladder import LadderNetwork
from anomalib_vae.networks.network import Step
from anomalib_vae.networks.variational import Architecture, VariationalNetwork

MEMBERS = 3
KINDS = {
    "plain": (VariationalNetwork, {"latent_dims": (4,)}),
    "bins and dropout": (VariationalNetwork, {"latent_dims": (4,), "n_bins": 4, "dropout": 0.2}),
    "free bits": (VariationalNetwork, {"latent_dims": (4,), "free_bits": 0.3}),
    "importance": (VariationalNetwork, {"latent_dims": (4,), "importance_samples": 4}),
    "masked": (VariationalNetwork, {"latent_dims": (4,), "corruption": Mask(), "seen_weight": 0.2}),
    "ladder": (LadderNetwork, {"latent_dims": (4, 2, 1)}),
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def table():
    codec = TableCodec.fit(mixed_frame())
    return codec.layout, codec.encode(mixed_frame()).to(torch.float64)


@pytest.fixture(params=KINDS)
def network(request):
    layout, _ = table()
    made, options = KINDS[request.param]
    return made(layout, Architecture(hidden_dims=(8, 8), n_members=MEMBERS, **options), generator()).double()


def noise(network, rows, seed=0):
    return torch.randn(network.n_members, rows, network.code_width, generator=generator(seed), dtype=torch.float64)


# ------------------------------------------------------------------ members
def test_a_members_gradient_does_not_depend_on_the_others(network):
    _, rows = table()
    loss = network.loss("model", rows.for_members(MEMBERS), Step(0.5, generator()))
    assert loss.shape == (MEMBERS,)
    parameters = network.players()["model"].parameters
    gradients = torch.autograd.grad(loss[0], parameters, allow_unused=True, materialize_grads=True)
    assert all((gradient[1:] == 0).all() for gradient in gradients)
    assert any((gradient[0] != 0).any() for gradient in gradients)


def test_a_members_results_do_not_depend_on_the_others(network):
    _, rows = table()
    batch = rows.for_members(MEMBERS)
    changed = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in changed.parameters():
            parameter[1:] += 0.3
    for result in ("encode", "reconstruct", "score", "column_scores"):
        before, after = getattr(network, result)(batch), getattr(changed, result)(batch)
        assert torch.equal(before[0], after[0]), result
        assert not torch.equal(before[1], after[1]), result


def test_members_read_rows_of_their_own(network):
    _, rows = table()
    batch = rows[torch.stack([torch.randperm(len(rows), generator=generator(seed)) for seed in range(MEMBERS)])]
    one_by_one = rows.for_members(MEMBERS)
    order = torch.randperm(len(rows), generator=generator(1))
    torch.testing.assert_close(network.score(batch)[1], network.score(one_by_one)[1][order])


# ------------------------------------------------------------------ shapes and chance
def test_shapes(network):
    layout, rows = table()
    batch, targets = rows.for_members(MEMBERS), len(layout.targets)
    codes = network.encode(batch)
    assert codes.shape == (MEMBERS, len(rows), network.code_width)
    assert network.expect(codes).shape == network.reconstruct(batch).shape == (MEMBERS, len(rows), targets)
    assert network.score(batch).shape == (MEMBERS, len(rows))
    assert network.column_scores(batch).shape == (MEMBERS, len(rows), len(layout.blocks))
    assert network.generate(10, generator()).shape == (10, targets)
    assert network.validation_loss(batch).shape == (MEMBERS,)


def test_training_draws_from_the_given_generator_only(network):
    _, rows = table()
    batch, state = rows.for_members(MEMBERS), torch.get_rng_state()
    one, again, other = (network.loss("model", batch, Step(0.5, generator(seed))) for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_new_rows_come_from_all_members(network):
    one, other = (network.generate(rows, generator()) for rows in (MEMBERS, MEMBERS))
    assert torch.equal(one, other)
    with torch.no_grad():
        network.observation.raw_log_scale.fill_(-50.0)
        for parameter in network.decoder.parameters():
            parameter.zero_()
        network.decoder.head.bias[:, :, 0] = torch.arange(MEMBERS).double()[:, None] * 10
    first = network.generate(3 * MEMBERS, generator())[:, 0]
    assert torch.equal((first / 10).round(), torch.arange(MEMBERS).double().repeat(3))


def test_the_flag_of_a_complete_column_has_no_effect_before_training(network):
    layout, rows = table()
    zero = Batch(torch.zeros_like(rows.values), torch.ones_like(rows.observed)).for_members(MEMBERS)
    gone = Batch(zero.values, torch.zeros_like(zero.observed))
    if network.architecture.n_bins == 0:
        assert torch.equal(network.encode(zero), network.encode(gone))
    assert layout.width == rows.values.shape[-1]


# ------------------------------------------------------------------ divergences
def test_divergences_are_never_negative(network):
    _, rows = table()
    posterior = network.posterior(rows.for_members(MEMBERS), noise(network, len(rows)))
    assert posterior.divergence.shape == (MEMBERS, len(rows), network.code_width)
    assert (posterior.divergence >= 0).all()
    assert (posterior.divergence > 0).any()


def test_the_log_ratio_averages_to_the_divergence(network):
    _, rows = table()
    draws = 20_000
    batch = rows[:1].for_members(MEMBERS).repeat(draws)
    with torch.no_grad():
        posterior = network.posterior(batch, noise(network, draws))
    difference = posterior.log_ratio(network.aggregate_prior) - posterior.divergence.sum(-1)
    assert (difference.mean(1).abs() < 5 * difference.std(1) / math.sqrt(draws)).all()


def test_free_bits_never_raise_the_bound():
    layout, rows = table()
    batch = rows.for_members(MEMBERS)
    losses = []
    for nats in (0.0, 0.1, 2.0):
        architecture = Architecture(latent_dims=(4,), hidden_dims=(8,), n_members=MEMBERS, free_bits=nats)
        losses.append(
            VariationalNetwork(layout, architecture, generator()).double().loss("model", batch, Step(1, generator()))
        )
    assert (losses[0] <= losses[1] + 1e-12).all()
    assert (losses[1] < losses[2]).all()


def test_warmup_raises_the_weight_of_the_divergence():
    layout, rows = table()
    architecture = Architecture(latent_dims=(4,), hidden_dims=(8,), n_members=MEMBERS, warmup=0.5)
    network = VariationalNetwork(layout, architecture, generator()).double()
    start, middle, late, end = (
        network.loss("model", rows.for_members(MEMBERS), Step(progress, generator())) for progress in (0, 0.25, 0.5, 1)
    )
    assert (start < middle).all()
    assert (middle < late).all()
    torch.testing.assert_close(middle - start, late - middle)
    assert torch.equal(late, end)


def test_beta_weighs_the_divergence():
    layout, rows = table()
    at = []
    for beta in (0.0, 1.0, 3.0):
        architecture = Architecture(latent_dims=(4,), hidden_dims=(8,), n_members=MEMBERS, beta=beta)
        network = VariationalNetwork(layout, architecture, generator()).double()
        at.append(network.loss("model", rows.for_members(MEMBERS), Step(1, generator())))
    torch.testing.assert_close(at[2] - at[0], 3 * (at[1] - at[0]))


def test_cells_that_a_corruption_left_weigh_less():
    layout, rows = table()
    batch = rows.for_members(MEMBERS)
    losses = []
    for weight in (0.0, 1.0):
        options = {"corruption": Mask(0.0, 0.0), "seen_weight": weight, "beta": 0.0}
        network = VariationalNetwork(
            layout, Architecture(latent_dims=(4,), hidden_dims=(8,), n_members=MEMBERS, **options), generator()
        ).double()
        losses.append(network.loss("model", batch, Step(1, generator())))
    assert (losses[0] == 0).all()  # nothing hidden, nothing to learn
    assert (losses[1] != 0).all()


@pytest.mark.parametrize("wrong", [1e6, math.nan, math.inf])
@pytest.mark.parametrize("column", ["int64", "boolean", "category"])
def test_blame_names_the_column_that_is_worst_explained(column, wrong):
    layout, rows = table()
    network = VariationalNetwork(layout, Architecture(latent_dims=(4,), n_members=MEMBERS), generator()).double()
    targets = [i for i, at in enumerate(layout.column_of_target) if layout.columns[at] == column]
    with torch.no_grad():
        network.decoder.head.bias[:, :, targets[:1]] = wrong
    assert network.blame(rows.for_members(MEMBERS)) == column
