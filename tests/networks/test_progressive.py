"""Images that grow, in the making and in the judging."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from data import digits

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.image import ImageCodec
from anomalib_vae.losses.squared_error import SquaredError
from anomalib_vae.networks.gan import Architecture
from anomalib_vae.networks.growing import shrunk, sizes_of
from anomalib_vae.networks.network import Step
from anomalib_vae.networks.progressive import ProgressiveNetwork, stage_at


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def network():
    """Of images of 4 x 3, 7 x 5 and 14 x 10 pixels, of two colours."""
    images = torch.rand((6, 14, 10, 2), generator=generator()).numpy()
    architecture = Architecture((3,), (8,), 2, likelihood=SquaredError(), channels=(4, 5))
    return ProgressiveNetwork(ImageCodec.fit(images).layout, architecture, generator())


def batch_like(network, rows=4) -> Batch:
    return Batch.complete(torch.rand((2, rows, network.layout.width), generator=generator(1)))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((32, 32), [(4, 4), (8, 8), (16, 16), (32, 32)]),
        ((28, 28), [(4, 4), (7, 7), (14, 14), (28, 28)]),
        ((9, 3), [(3, 1), (5, 2), (9, 3)]),
        ((4, 4), [(4, 4)]),
        ((1, 2), [(1, 2)]),
    ],
)
def test_sizes_double_up_to_the_images_own(size, expected):
    assert sizes_of(*size) == expected


def test_stages_fade_in_one_after_the_other_and_the_last_stands_longest():
    stages = [stage_at(step / 1000, 4) for step in range(1001)]
    assert stages[0] == 0
    assert stages[-1] == 3
    assert all(0 <= later - earlier < 0.02 for earlier, later in pairwise(stages))
    assert sum(stage > 2 for stage in stages) == pytest.approx(500, abs=2)
    assert sum(stage == 3 for stage in stages) == pytest.approx(250, abs=2)
    assert {stage_at(step / 10, 1) for step in range(11)} == {0.0}


def test_shrinking_takes_means_of_the_pixels_that_are_there(network):
    values = torch.arange(12.0).reshape(1, 1, 12)
    observed = torch.ones(1, 1, 12)
    values[..., 5], observed[..., 5] = 0.0, 0.0
    observed[..., [3, 7]], values[..., [3, 7]] = 0.0, 0.0
    small = shrunk(Batch(values, observed), [(2, 2), (3, 4)], 0)
    assert small.values.flatten().tolist() == pytest.approx([(0 + 1 + 4) / 3, (2 + 6) / 2, (8 + 9) / 2, (10 + 11) / 2])
    small = shrunk(Batch(values * 0, torch.zeros(1, 1, 12)), [(2, 2), (3, 4)], 0)
    assert not small.observed.any()
    assert not small.values.any()


@pytest.mark.parametrize(("progress", "size"), [(0.0, (4, 3)), (0.3, (7, 5)), (0.9, (14, 10))])
def test_real_and_made_images_have_the_stages_size(network, progress, size):
    network.train().loss("critic", batch_like(network), Step(progress, generator()))
    real = network.real(batch_like(network))
    assert real.values.shape == (2, 4, 2 * size[0] * size[1])
    assert network.fake_like(real, generator()).values.shape == real.values.shape
    assert network.eval().generate(5, generator()).shape == (5, 14 * 10 * 2)


def test_a_stage_begins_with_the_images_of_the_one_before(network):
    code = torch.randn(2, 3, 3, generator=generator())
    network.train().stage.fill_(1.0)
    before = network.decode(code).unflatten(-1, (7, 5, 2))
    network.stage.fill_(1.0 + 1e-7)
    after = network.decode(code).unflatten(-1, (14, 10, 2))
    torch.testing.assert_close(after, before.repeat_interleave(2, 2).repeat_interleave(2, 3), atol=1e-5, rtol=0)
    network.stage.fill_(2.0)
    assert not torch.allclose(network.decode(code).unflatten(-1, (14, 10, 2)), after, atol=1e-3)


def test_a_critic_begins_a_stage_with_what_it_thought_before(network):
    large = batch_like(network)
    network.train().stage.fill_(1.0)
    before = network.judge(shrunk(large, network.sizes, 1))
    network.stage.fill_(1.0 + 1e-7)
    torch.testing.assert_close(network.judge(large), before, atol=1e-5, rtol=0)
    network.stage.fill_(2.0)
    assert not torch.allclose(network.judge(large), before, atol=1e-4)


def test_members_do_not_feel_each_other(network):
    for name, player in network.train().players().items():
        network.loss(name, batch_like(network), Step(0.6, generator()))[0].backward(inputs=player.parameters)
        moved = [p for p in player.parameters if p.grad is not None]
        assert any(p.grad[0].any() for p in moved)
        assert not any(p.grad[1].any() for p in moved)


def test_what_a_stage_does_not_reach_does_not_learn(network):
    for player in network.train().players().values():
        for parameter in player.parameters:
            parameter.grad = None
    critic = network.players()["critic"].parameters
    network.loss("critic", batch_like(network), Step(0.0, generator())).sum().backward(inputs=critic)
    idle = [id(p) for layer in network.critic.reader.layers for p in layer.parameters()]
    assert all(
        (p.grad is None or not p.grad.any()) == (id(p) in idle) for p in critic if p.dim() > 3 and p.shape[-1] > 1
    )


def test_digits_grow_in_one_step():
    codec = ImageCodec.fit(digits())
    network = ProgressiveNetwork(
        codec.layout, Architecture((3,), (8,), likelihood=SquaredError(), channels=(4,)), generator()
    )
    assert network.sizes == [(4, 4), (8, 8)]
    assert network.widths == [4, 4]
