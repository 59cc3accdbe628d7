"""Generators and critics, on rows of known columns."""

from __future__ import annotations

import pytest
import torch
from data import digits, mixed_frame

from anomalib_vae.codec.image import ImageCodec
from anomalib_vae.codec.table import TableCodec
from anomalib_vae.losses.squared_error import SquaredError
from anomalib_vae.networks.gan import Architecture, GANNetwork
from anomalib_vae.networks.network import Step

MEMBERS = 2


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network_of(codec, **settings) -> GANNetwork:
    architecture = Architecture((3,), (8,), MEMBERS, likelihood=SquaredError(), **settings)
    return GANNetwork(codec.layout, architecture, generator())


@pytest.fixture(params=["table", "images", "images by convolutions"])
def case(request):
    X = mixed_frame() if request.param == "table" else digits()[:40]
    codec = TableCodec.fit(X) if request.param == "table" else ImageCodec.fit(X)
    backbone = "conv" if "convolutions" in request.param else "dense"
    return network_of(codec, backbone=backbone, channels=(4, 4)), codec.encode(X).for_members(MEMBERS)


def test_each_player_learns_from_its_loss_and_members_do_not_feel_each_other(case):
    network, batch = case
    for name, player in network.train().players().items():
        loss = network.loss(name, batch, Step(0.5, generator()))
        assert loss.shape == (MEMBERS,)
        loss[0].backward(inputs=player.parameters)
        moved = [p for p in player.parameters if p.grad is not None and p.grad[0].any()]
        assert len(moved) >= len(player.parameters) - 1  # a last bias of the critic falls out of nothing
        assert all(not p.grad[1].any() for p in player.parameters if p.grad is not None)


def test_players_share_nothing_and_leave_the_encoder_and_the_average_alone(case):
    network, _ = case
    critic, made = (set(map(id, player.parameters)) for player in network.players().values())
    others = {id(p) for part in (network.encoder, network.decoder.average) for p in part.parameters()}
    assert not critic & made
    assert not (critic | made) & others


def test_the_penalty_is_part_of_some_of_the_critics_steps_and_as_large_on_average(case):
    network, batch = case
    plain = GANNetwork(
        network.layout, Architecture(**vars(network.architecture) | {"gradient_penalty": 0.0}), generator()
    )
    plain.load_state_dict(network.state_dict())
    steps = [Step(0.5, generator(seed)) for seed in range(60)], [Step(0.5, generator(seed)) for seed in range(60)]
    with_it, without = (
        torch.stack([made.train().loss("critic", batch, step).detach() for step in of])
        for made, of in zip((network, plain), steps, strict=True)
    )
    paid = (with_it > without).float().mean(0)
    assert ((paid > 0.1) & (paid < 0.45)).all()


def test_generated_rows_miss_the_cells_that_training_rows_miss(case):
    network, batch = case
    real = batch.hide(torch.rand(batch.values.shape, generator=generator()) < 0.3).select(network.observation.targets)
    fake = network.fake_like(real, generator())
    assert torch.equal(fake.observed, real.observed)
    assert not fake.values[real.observed == 0].any()


def test_in_use_the_average_of_the_generators_weights_stands_in_for_it(case):
    network, _ = case
    code = torch.randn(MEMBERS, 5, 3, generator=generator())
    start = network.eval().decode(code)
    with torch.no_grad():
        for parameter in network.decoder.learner.parameters():
            parameter.add_(1.0)
    torch.testing.assert_close(network.decode(code), start)
    assert not torch.allclose(network.train().decode(code), start)
    network.after_step(Step(0.5, generator()))
    expected = {name: w * 0.01 for name, w in network.decoder.learner.state_dict().items()}
    for name, average in network.decoder.average.state_dict().items():
        torch.testing.assert_close(average, expected[name] + 0.99 * (network.decoder.learner.state_dict()[name] - 1.0))
    network.after_step(Step(0.0, generator()))
    for name, average in network.decoder.average.state_dict().items():
        torch.testing.assert_close(average, network.decoder.learner.state_dict()[name])


def test_what_comes_of_noise_is_a_row(case):
    network, _ = case
    made = network.eval().generate(7, generator())
    assert made.shape == (7, len(network.layout.targets))
    for block in network.layout.given_back.of_kind("category"):
        torch.testing.assert_close(made[:, block.start : block.stop].sum(1), torch.ones(7))
    if network.bounded:
        assert made.min() > 0.0
        assert made.max() < 1.0


def test_held_out_rows_are_compared_with_the_averaged_generators_and_without_chance(case):
    network, batch = case
    losses = [network.train().validation_loss(batch) for _ in range(2)]
    torch.testing.assert_close(losses[0], losses[1])
    assert network.training
    with torch.no_grad():
        for parameter in network.decoder.learner.parameters():
            parameter.zero_()
    torch.testing.assert_close(network.validation_loss(batch), losses[0])


def test_a_score_counts_what_the_critic_sees_in_a_row_and_in_what_stands_for_it(case):
    network, batch = case
    before, pixels = network.eval().score(batch), network.column_scores(batch).sum(-1)
    with torch.no_grad():
        network.residual.raw_log_scale.fill_(-2.0)
    after = network.score(batch)
    assert (before != pixels).all()
    assert (before != after).all()
    torch.testing.assert_close(network.column_scores(batch).sum(-1), pixels)
