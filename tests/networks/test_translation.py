"""Networks that translate images: their players, their critics' patches, and what their averages are for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from data import digits

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.image import ImageCodec
from anomalib_vae.codec.labels import beside
from anomalib_vae.codec.unpaired import Unpaired
from anomalib_vae.networks import cycle_gan, pix2pix
from anomalib_vae.networks.averaging import Averaged
from anomalib_vae.networks.cycle_gan import CycleGANNetwork
from anomalib_vae.networks.image_backbone import StackedDeconvolution
from anomalib_vae.networks.network import Step
from anomalib_vae.networks.patch_critic import PatchCritic
from anomalib_vae.networks.penalised import penalised_critic_loss
from anomalib_vae.networks.pix2pix import Pix2PixNetwork
from anomalib_vae.networks.symmetries import turned
from anomalib_vae.networks.translation import like, mean_absolute_error
from anomalib_vae.networks.unet import HalvingConvolution

MEMBERS, ROWS = 2, 6
SMALL = {"hidden_dims": (5,), "n_members": MEMBERS, "channels": (3, 4), "critic_channels": (4,)}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def networks():
    a, b = (ImageCodec.fit(images) for images in (digits()[:, 1:], np.repeat(1.0 - digits()[:, 1:, :, None], 2, -1)))
    yield Pix2PixNetwork(a.layout, b.layout, pix2pix.Architecture(**SMALL), generator())
    yield CycleGANNetwork(a.layout, b.layout, cycle_gan.Architecture(**SMALL), generator())


@pytest.fixture(params=[0, 1], ids=["pix2pix", "cycle"])
def network(request):
    return list(networks())[request.param].double()


@pytest.fixture
def batch(network):
    values = [torch.rand(ROWS, layout.width, generator=generator(1)) for layout in (network.a, network.b)]
    return beside(*map(Batch.complete, values)).to(torch.float64).for_members(MEMBERS)


# ------------------------------------------------------------------ players
def test_each_player_learns_from_its_loss_and_members_do_not_feel_each_other(network, batch):
    batch = batch.hide(torch.rand(batch.values.shape, generator=generator()) < 0.2)
    for player_name, player in network.train().players().items():
        loss = network.loss(player_name, batch, Step(0.5, generator()))
        assert loss.shape == (MEMBERS,)
        loss[0].backward(inputs=player.parameters)
        assert all(p.grad is not None and p.grad[0].any() for p in player.parameters)
        assert all(not p.grad[1].any() for p in player.parameters)


def test_players_share_nothing_and_leave_the_averages_and_scales_alone(network):
    critic, made = (set(map(id, player.parameters)) for player in network.players().values())
    others = [p for translation in network.translations() for p in translation.average.parameters()]
    others += [p for name, p in network.named_parameters() if name.startswith("observation")]
    assert not critic & made
    assert not (critic | made) & set(map(id, others))
    assert len(critic | made) + len(others) == len(list(network.parameters()))


def test_members_differ(network, batch):
    made = network.eval().translate(batch)
    assert made.shape == (MEMBERS, ROWS, network.b.width)
    assert not torch.allclose(made[0], made[1])


def test_what_is_made_of_a_missing_pixel_costs_nothing(network, batch):
    real = network.apart(batch)[1].hide(torch.arange(network.b.width) % 3 == 0)
    made = real.values + 0.25
    torch.testing.assert_close(mean_absolute_error(made, real), torch.full((MEMBERS,), 0.25, dtype=torch.float64))
    assert torch.equal(like(made, real).values == 0, real.observed == 0)


def test_an_identity_weight_is_paid_for_what_changes_in_images_of_the_target():
    layout, step = ImageCodec.fit(digits()).layout, Step(0.5, generator())
    free, paying = (
        CycleGANNetwork(layout, layout, cycle_gan.Architecture(**SMALL, identity_weight=weight), generator()).train()
        for weight in (0.0, 3.0)
    )
    a, b = (Batch.complete(torch.rand(MEMBERS, ROWS, 64, generator=generator(seed))) for seed in (1, 2))
    changed = mean_absolute_error(free.back(a), a) + mean_absolute_error(free.forth(b), b)
    difference = paying.loss("generator", beside(a, b), step) - free.loss("generator", beside(a, b), step)
    torch.testing.assert_close(difference, 3.0 * changed)


# ------------------------------------------------------------------ how translations start, and where they write
@pytest.mark.parametrize("bright", [False, True])
def test_a_translation_starts_as_the_image_or_as_its_negative_as_the_brightness_says(bright):
    a, b = 0.2 + 0.1 * torch.rand(ROWS, 56, generator=generator()), torch.full((ROWS, 112), 0.7 if bright else 0.3)
    for network in networks():
        network.start(beside(Batch.complete(a), Batch.complete(b)))
        learner = network.train().forth.learner
        with torch.no_grad():
            learner.last.weight[:, :, :-2] = 0.0  # of what the maps say
            made = network.translate(Batch.complete(a).for_members(MEMBERS))
        wanted = torch.sigmoid((0.5 - a) if bright else (a - 0.5)).repeat_interleave(2, -1)
        torch.testing.assert_close(made, wanted.expand(MEMBERS, -1, -1))


@pytest.mark.parametrize("symmetry", [1, 3, 6])
def test_both_ways_start_turned_where_the_mean_images_say_so(symmetry):
    layout, images = ImageCodec.fit(digits()).layout, torch.from_numpy(digits()).float()
    network = CycleGANNetwork(layout, layout, cycle_gan.Architecture(**SMALL), generator()).train()
    other = turned(images, symmetry)
    network.start(beside(*(Batch.complete(part.flatten(1)) for part in (images, other.flip(0)))))
    a, b = (Batch.complete(part.flatten(1)).for_members(MEMBERS) for part in (images, other))
    with torch.no_grad():
        for translation in network.translations():
            translation.learner.last.weight[:, :, :-2] = 0.0  # of what the maps say
        torch.testing.assert_close(network.translate(a), torch.sigmoid(b.values - 0.5))
        torch.testing.assert_close(network.translate_back(b), torch.sigmoid(a.values - 0.5))
    assert int(network.forth.average.symmetry) == symmetry


@pytest.mark.parametrize("side", [16, 15])
def test_what_is_halved_and_doubled_stays_where_it_was(side):
    halving, doubling = HalvingConvolution(1, 1, 1, generator()), StackedDeconvolution(1, 1, 1, generator())
    with torch.no_grad():
        for layer in (halving, doubling):
            layer.weight.fill_(1.0)
        values = torch.zeros(1, 1, 1, side, side)
        values[..., 6:8, 8:10] = 1.0
        small = halving(values)
        large = doubling(small)[0, 0, 0, :side, :side]
    assert small.shape[-2:] == (8, 8)
    places = torch.arange(side) + 0.5
    assert float((large.sum(1) * places).sum() / large.sum()) == pytest.approx(7.0)
    assert float((large.sum(0) * places).sum() / large.sum()) == pytest.approx(9.0)


# ------------------------------------------------------------------ averages and scales
def test_in_use_the_averages_of_the_weights_stand_in_for_them(network, batch):
    start = network.eval().translate(batch)
    with torch.no_grad():
        for translation in network.translations():
            for parameter in translation.learner.parameters():
                parameter.add_(0.3)
    torch.testing.assert_close(network.translate(batch), start)
    assert not torch.allclose(network.train().translate(batch), start)
    network.after_step(Step(0.0, generator()))
    torch.testing.assert_close(network.eval().translate(batch), network.train().translate(batch))


def test_an_average_follows_closely_at_first_and_slowly_later():
    averaged = Averaged(torch.nn.Linear(1, 1, bias=False))
    for progress, kept in ((0.05, 0.45), (0.1, 0.9), (0.7, 0.9)):
        before = averaged.average.weight.clone()
        with torch.no_grad():
            averaged.learner.weight.add_(1.0)
        averaged.follow(0.9, Step(progress, generator()))
        torch.testing.assert_close(averaged.average.weight, kept * before + (1 - kept) * averaged.learner.weight)


def test_settled_scales_are_those_of_what_is_left(network, batch):
    network.eval().settle(batch)
    made, real = network.explained(batch)
    expected = (made - real.values).square().mean((1, 2)).sqrt()
    torch.testing.assert_close(network.observation.log_scale[:, 0, 0].exp(), expected)


# ------------------------------------------------------------------ critics
@pytest.mark.parametrize(("channels", "side"), [((2,), 7), ((2, 3), 15)])
def test_a_verdict_is_on_a_patch(channels, side):
    layout = ImageCodec.fit(np.random.default_rng(0).random((3, 29, 29))).layout
    critic = PatchCritic([layout], channels, 1, "leaky_relu", generator()).double()
    values = torch.rand(1, 1, 29 * 29, generator=generator(), dtype=torch.float64, requires_grad=True)
    verdicts = critic(Batch.complete(values))
    middle = verdicts.shape[-1] // 2
    (slope,) = torch.autograd.grad(verdicts[0, 0, middle, middle], values)
    seen = slope.view(29, 29) != 0
    assert seen.any(0).sum() == seen.any(1).sum() == side


def test_a_patch_is_penalised_as_a_row_would_be():
    values = torch.rand(1, ROWS, 8, generator=generator(), dtype=torch.float64)
    weight = torch.rand(8, generator=generator(1), dtype=torch.float64)
    real, halves = Batch.complete(values), Batch.complete(values.view(1, 2 * ROWS, 4))

    def of_patches(images):
        return (images.values.view(1, -1, 4) * weight[:4]).sum(-1)

    def loss(shown, penalty, seed):
        return penalised_critic_loss(of_patches, shown, shown, penalty, generator(seed))

    paid = [(loss(real, 1.0, seed) - loss(real, 0.0, seed)).detach() for seed in range(40)]
    expected = [(loss(halves, 1.0, seed) - loss(halves, 0.0, seed)).detach() for seed in range(40)]
    torch.testing.assert_close(torch.cat(paid), torch.cat(expected))
    assert 0 < sum(bool(p > 0) for p in paid) < 40
    assert float(max(paid)) == pytest.approx(4 * 0.5 * float(weight[:4].square().sum()))


def test_a_pair_is_judged_as_a_pair():
    network = next(networks()).double().eval()
    a = torch.rand(MEMBERS, ROWS, network.a.width, generator=generator(), dtype=torch.float64)
    b = torch.rand(MEMBERS, ROWS, network.b.width, generator=generator(), dtype=torch.float64)
    for critic, source, target in ((network.critic_b, a, b), (network.critic_a, b, a)):
        verdicts = critic(Batch.complete(source), Batch.complete(target))
        assert not torch.allclose(verdicts, critic(Batch.complete(source.flip(1)), Batch.complete(target)))
        assert not torch.allclose(verdicts, critic(Batch.complete(source), Batch.complete(target.flip(1))))


# ------------------------------------------------------------------ batches without pairs
def unpaired(**changes) -> Unpaired:
    a, b = torch.arange(5.0)[:, None], 10.0 + torch.arange(40.0)[:, None]
    return Unpaired(Batch.complete(a), Batch.complete(b), **changes)


def test_rows_meet_others_of_the_other_set_each_time():
    drawn = unpaired(generator=generator())
    rows = torch.tensor([[3, 1], [0, 4]])
    first, second = drawn[rows].values, drawn[rows].values
    assert torch.equal(first[..., 0], rows.float())
    assert torch.equal(second[..., 0], rows.float())
    assert not torch.equal(first[..., 1], second[..., 1])
    met = torch.cat([drawn[rows].values[..., 1].flatten() for _ in range(200)])
    assert set(met.tolist()) == {10.0 + i for i in range(40)}
    assert torch.equal(first, unpaired(generator=generator())[rows].values)


def test_some_rows_keep_all_of_the_other_set():
    some = unpaired().take(torch.tensor([4, 2]))
    assert len(some) == 2
    assert len(some.b) == 40
    assert torch.equal(some[torch.tensor([0, 1])].values, torch.tensor([[4.0, 10.0], [2.0, 11.0]]))
    assert some.to(torch.float64)[torch.tensor([1])].values.dtype == torch.float64
