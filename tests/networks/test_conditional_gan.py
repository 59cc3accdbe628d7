"""Generators and critics that are told labels."""

from __future__ import annotations

import pytest
import torch
from data import digits

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.image import ImageCodec
from anomalib_vae.codec.labels import beside
from anomalib_vae.losses.squared_error import SquaredError
from anomalib_vae.networks.conditional_gan import Architecture, ConditionalGANNetwork
from anomalib_vae.networks.network import Step

MEMBERS, ROWS = 2, 6
SHARES = (0.5, 0.3, 0.2)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def codec():
    return ImageCodec.fit(digits())


@pytest.fixture
def network(codec):
    architecture = Architecture((4, 3), (8,), MEMBERS, likelihood=SquaredError(), class_shares=SHARES)
    network = ConditionalGANNetwork(codec.layout, architecture, generator()).double()
    with torch.no_grad():  # a trained critic's head, unlike a fresh one's, has much to say
        network.critic.head.weight.mul_(20.0)
    return network


@pytest.fixture
def rows(codec):
    return codec.encode(digits()[:ROWS]).to(torch.float64).for_members(MEMBERS)


def labels(*known: int | None) -> Batch:
    """One-hot labels, of which some are not known."""
    values = torch.zeros(len(known), len(SHARES), dtype=torch.float64)
    observed = torch.zeros_like(values)
    for i, label in enumerate(known):
        if label is not None:
            values[i, label], observed[i] = 1.0, 1.0
    return Batch(values, observed).for_members(MEMBERS)


def test_a_verdict_is_that_of_the_row_and_of_its_label(network, rows):
    said = network.verdicts(rows)
    given = network.judge(beside(rows, labels(0, 1, 2, 0, None, None)))
    for row, label in enumerate((0, 1, 2, 0)):
        torch.testing.assert_close(given[:, row], said[:, row, 0] + said[:, row, 1 + label])
    torch.testing.assert_close(given[:, 4:], said[:, 4:, 0])


def test_the_penalty_is_not_about_labels(network, rows):
    both = beside(rows, labels(0, 1, 2, 0, 1, 2))
    values = both.values.clone().requires_grad_(True)
    (slopes,) = torch.autograd.grad(network.judge(Batch(values, both.observed)).sum(), values)
    assert not slopes[..., -3:].any()
    assert slopes[..., :-3].any()


def test_generated_rows_carry_the_labels_of_real_ones(network, rows):
    real = network.real(beside(rows, labels(0, 1, 2, 0, None, None)))
    fake = network.fake_like(real, generator())
    torch.testing.assert_close(fake.values[..., -3:], real.values[..., -3:])
    torch.testing.assert_close(fake.observed, real.observed)
    other = network.fake_like(network.real(beside(rows, labels(2, 1, 2, 0, None, None))), generator())
    changed = (fake.values[..., :-3] != other.values[..., :-3]).any(-1).any(0)
    assert changed.tolist() == [True, False, False, False, False, False]


def test_labels_are_drawn_by_their_shares(network):
    drawn = network.prior(4000, generator())[..., 4:]
    assert (drawn.sum(-1) == 1).all()
    torch.testing.assert_close(drawn.mean((0, 1)), torch.tensor(SHARES, dtype=torch.float64), atol=0.03, rtol=0)


def test_each_row_of_a_sample_gets_its_label(network):
    wanted = torch.eye(3, dtype=torch.float64)[torch.tensor([0, 1, 2, 2, 1])]
    made = network.eval().generate(5, generator(), wanted)
    for row in range(5):
        changed = wanted.clone()
        changed[row] = wanted[row].roll(1)
        other = network.generate(5, generator(), changed)
        assert (made != other).any(1).tolist() == [i == row for i in range(5)]


def test_a_score_without_a_label_is_the_mean_over_all(network, rows):
    network.eval()
    given = [network.score(beside(rows, labels(*[label] * ROWS))) for label in range(3)]
    shares = torch.tensor(SHARES, dtype=torch.float64)
    expected = torch.logsumexp(torch.stack(given, -1) + shares.log(), -1)
    torch.testing.assert_close(network.score(rows), expected)
    some = network.score(beside(rows, labels(0, None, 1, None, None, 2)))
    torch.testing.assert_close(some[:, [0, 2, 5]], torch.stack([given[0][:, 0], given[1][:, 2], given[2][:, 5]], 1))
    torch.testing.assert_close(some[:, [1, 3, 4]], expected[:, [1, 3, 4]])


def test_codes_hold_the_label_or_what_the_encoder_makes_of_the_row(network, rows):
    network.eval()
    known = network.encode(beside(rows, labels(0, 1, 2, 0, 1, 2)))[..., 4:]
    torch.testing.assert_close(known, labels(0, 1, 2, 0, 1, 2).values)
    guessed = network.encode(rows)[..., 4:]
    torch.testing.assert_close(guessed.sum(-1), torch.ones(MEMBERS, ROWS, dtype=torch.float64))
    assert ((guessed > 0) & (guessed < 1)).all()


def test_the_encoder_learns_labels_from_rows_that_have_them(network, rows):
    inversion, some = network.inversion(), beside(rows, labels(0, None, None, None, None, None))
    code = network.encode(rows)
    difference = network.code_log_prob(code, some) - network.code_log_prob(code, rows)
    torch.testing.assert_close(difference[:, 0], code[:, 0, 4].log())
    assert not difference[:, 1:].any()
    parameters = inversion.players()["encoder"].parameters
    inversion.train().loss("encoder", some, Step(0.5, generator())).sum().backward(inputs=parameters)
    assert network.encoder.head.weight.grad[..., 4:].any()


def test_the_players_learn_with_and_without_labels(network, rows):
    for known in (labels(0, 1, 2, 0, None, None), labels(*[None] * ROWS)):
        for name, player in network.train().players().items():
            loss = network.loss(name, beside(rows, known), Step(0.5, generator()))
            loss[0].backward(inputs=player.parameters)
            assert torch.isfinite(loss).all()
            assert any(p.grad is not None and p.grad[0].any() for p in player.parameters)
            assert not any(p.grad is not None and p.grad[1].any() for p in player.parameters)
