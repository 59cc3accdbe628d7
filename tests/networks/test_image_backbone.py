"""Convolutions of several members: each is what torch's own of one member is, and sizes come back."""

from __future__ import annotations

import pytest
import torch

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.image import ImageLayout
from anomalib_vae.networks.image_backbone import StackedDeconvolution, reduced
from anomalib_vae.networks.network import Step
from anomalib_vae.networks.stacked_convolution import StackedConvolution
from anomalib_vae.networks.variational import Architecture, VariationalNetwork

MEMBERS = 3
SHAPES = [(8, 8), (7, 10), (28, 28, 1), (5, 6, 3), (1, 1), (2, 9)]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def halving(n_members, inputs, outputs, generator):
    return StackedConvolution(n_members, inputs, outputs, (3, 3), generator, stride=2)


def network(shape, channels=(4, 6)):
    layout = ImageLayout.of(shape, 0.3)
    a = Architecture(latent_dims=(3,), hidden_dims=(8,), n_members=MEMBERS, backbone="conv", channels=channels)
    return VariationalNetwork(layout, a, generator()).double()


def images(shape, rows=6):
    pixels = int(torch.tensor(shape).prod())
    return Batch.complete(torch.rand(rows, pixels, generator=generator(1), dtype=torch.float64)).for_members(MEMBERS)


@pytest.mark.parametrize(
    ("layer", "of_one", "padding"),
    [
        (halving, torch.nn.functional.conv2d, 1),
        (StackedDeconvolution, torch.nn.functional.conv_transpose2d, 1),
    ],
)
def test_members_side_by_side_are_members_one_by_one(layer, of_one, padding):
    stacked = layer(MEMBERS, 2, 5, generator())
    torch.nn.init.normal_(stacked.bias, generator=generator(2))
    values = torch.randn(MEMBERS, 4, 2, 6, 6, generator=generator(1))
    for member, found in enumerate(stacked(values)):
        expected = of_one(values[member], stacked.weight[member], stacked.bias[member], stride=2, padding=padding)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("layer", [halving, StackedDeconvolution])
def test_layers_start_with_results_as_large_as_what_they_read(layer):
    values = torch.randn(2, 16, 8, 12, 12, generator=generator(1))
    inside = layer(2, 8, 8, generator())(values)[..., 2:-2, 2:-2]
    assert float(inside.detach().std()) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("channels", [(4,), (4, 6), (3, 4, 5)], ids=str)
def test_an_image_of_any_size_comes_back(shape, channels):
    made, batch = network(shape, channels), images(shape)
    assert made.reconstruct(batch).shape == batch.values.shape
    assert made.score(batch).shape == (MEMBERS, len(batch))


def test_each_layer_halves_rounded_up():
    assert reduced(ImageLayout.of((28, 9, 1), 0.3), (16, 32)) == (32, 7, 3)
    assert reduced(ImageLayout.of((1, 1), 0.3), (5, 5, 5)) == (5, 1, 1)


def test_the_reader_finds_each_pixel_and_channel_in_its_place():
    shape = (4, 5, 3)
    made = network(shape)
    pixels = torch.rand(4, 5, 3, dtype=torch.float64, generator=generator(3))
    seen = []
    made.encoder.layers[0].register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    batch = Batch.complete(pixels.flatten()[None]).for_members(MEMBERS)
    made.encode(batch)
    torch.testing.assert_close(seen[0][0, 0, :3], pixels.movedim(-1, 0))
    assert (seen[0][:, :, 3:] == 0).all()


def test_missing_flags_start_without_effect_and_can_learn():
    shape = (6, 6)
    made, batch = network(shape), images(shape)
    hidden = torch.zeros(36, dtype=torch.bool)
    hidden[:7] = True
    black = Batch.complete(batch.values.masked_fill(hidden, 0.0))
    torch.testing.assert_close(made.encode(batch.hide(hidden)), made.encode(black))
    made.loss("model", batch.hide(hidden), Step(0.5, generator())).sum().backward()
    assert made.encoder.layers[0].weight.grad[:, :, 1:].abs().sum() > 0


def test_a_members_gradient_does_not_depend_on_the_others():
    made = network((6, 6))
    loss = made.loss("model", images((6, 6)), Step(0.5, generator()))
    parameters = made.players()["model"].parameters
    gradients = torch.autograd.grad(loss[0], parameters, allow_unused=True, materialize_grads=True)
    assert all((gradient[1:] == 0).all() for gradient in gradients)
    assert any((gradient[0] != 0).any() for gradient in gradients)


def test_all_pixels_share_a_scale_that_starts_at_their_spread():
    made = network((6, 6))
    assert made.observation.raw_log_scale.shape == (MEMBERS, 1, 1)
    assert made.observation.raw_log_scale.exp().flatten().tolist() == pytest.approx([0.3] * MEMBERS)
    made = VariationalNetwork(ImageLayout.of((6, 6), 0.0), Architecture(latent_dims=(3,)), generator())
    assert made.observation.raw_log_scale.exp().item() == pytest.approx(0.05)
