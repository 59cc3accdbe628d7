"""The mathematics of autoregressive networks: who reads whom, and that probabilities sum to one."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from data import complete_frame, few_columns, with_holes

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.image import ImageCodec
from anomalib_vae.codec.table import TableCodec
from anomalib_vae.losses.bernoulli import Bernoulli
from anomalib_vae.losses.corruptions import Mask
from anomalib_vae.losses.gaussian import Gaussian
from anomalib_vae.losses.student_t import StudentT
from anomalib_vae.networks.encoder_decoder import Architecture
from anomalib_vae.networks.masked_convolution import CausalConvolution, GatedStacks
from anomalib_vae.networks.network import Step
from anomalib_vae.networks.pixel_cnn import PixelCNNNetwork

MEMBERS = 2
DISCRETE = pd.DataFrame(list(itertools.product("abc", "xy", [True, False])), columns=["one", "other", "flag"])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def images(*shape, seed=0):
    return np.random.default_rng(seed).random(shape)


def every_binary_image(*shape):
    pixels = itertools.product((0.0, 1.0), repeat=int(np.prod(shape)))
    return np.array(list(pixels)).reshape(-1, *shape)


def rows_of(X):
    codec = ImageCodec.fit(X) if isinstance(X, np.ndarray) else TableCodec.fit(X)
    return codec.layout, codec.encode(X).to(torch.float64).for_members(MEMBERS)


def network(layout, backbone, **options):
    """With no weight left at 0, where some of them start."""
    settings = {"hidden_dims": (7, 7), "n_members": MEMBERS, "activation": "tanh", "channels": (4, 4, 4)}
    settings |= {"latent_dims": (len(layout.blocks),), "likelihood": Gaussian(), "backbone": backbone} | options
    made = PixelCNNNetwork(layout, Architecture(**settings), generator()).double().requires_grad_(False)
    for parameter in made.decoder.parameters():
        parameter += 0.3 * torch.randn(parameter.shape, generator=generator(1), dtype=torch.float64)
    return made


CASES = {
    "grey": (images(3, 5, 4), "conv", {}),
    "colour": (images(3, 3, 4, 3), "conv", {}),
    "changing widths": (images(3, 4, 4), "conv", {"channels": (3, 5), "hidden_dims": ()}),
    "grey, dense": (images(3, 4, 3), "dense", {}),
    "table": (complete_frame().head(40), "dense", {}),
    "one column": (few_columns()[["alcohol"]].head(5), "dense", {}),
    "as wide as the inputs": (few_columns().head(5), "dense", {"hidden_dims": (8, 8)}),
    "no hidden layer": (few_columns().head(5), "dense", {"hidden_dims": ()}),
    "heavy tails": (few_columns().head(5), "dense", {"likelihood": StudentT()}),
}


@pytest.fixture(params=CASES)
def case(request):
    X, backbone, options = CASES[request.param]
    layout, batch = rows_of(X)
    return network(layout, backbone, **options), batch


# ------------------------------------------------------------------ who reads whom
def readers(made, batch, change):
    """Whether the parameters of each column change with what is changed of each other: (changed, columns) of bool."""
    row = Batch(batch.values[:, :1], batch.observed[:, :1])
    plain, columns = made.conditionals(row), len(made.layout.blocks)
    found = torch.zeros(columns, columns, dtype=torch.float64)
    for i, block in enumerate(made.layout.blocks):
        difference = made.conditionals(change(row, slice(block.start, block.stop))) != plain
        found[i] = made.observation.by_column(difference.double()).amax((0, 1))
    return found > 0


def with_another_value(row, features):
    values = row.values.clone()
    values[..., features] += torch.arange(1.0, 1.0 + values[..., features].shape[-1])
    return Batch(values, row.observed)


def without_the_flag(row, features):
    """As it is where the value is missing, but for the value itself."""
    observed = row.observed.clone()
    observed[..., features] = 0.0
    return Batch(row.values, observed)


@pytest.mark.parametrize("change", [with_another_value, without_the_flag], ids=lambda change: change.__name__)
def test_a_column_reads_all_before_it_and_no_other(case, change):
    found = readers(*case, change)
    assert torch.equal(found, torch.ones_like(found).triu(1))


def test_flags_have_no_effect_before_they_have_been_learned():
    for X, backbone, _ in (CASES["colour"], CASES["table"]):
        layout, batch = rows_of(X)
        settings = {"latent_dims": (len(layout.blocks),), "n_members": MEMBERS, "backbone": backbone}
        made = PixelCNNNetwork(layout, Architecture(**settings), generator()).double()
        assert not readers(made, batch, without_the_flag).any()


def test_a_pixel_far_above_is_read_too():
    layout, batch = rows_of(images(2, 20, 20))
    made = network(layout, "conv", channels=(4,) * 6)
    other = batch.values.clone()
    other[..., 0] += 5.0
    difference = made.conditionals(batch) != made.conditionals(Batch(other, batch.observed))
    assert difference[..., -1].all()


# ------------------------------------------------------------------ likelihood
@pytest.mark.parametrize(
    ("X", "backbone", "likelihood"),
    [
        (every_binary_image(3, 3), "conv", Bernoulli()),
        (every_binary_image(2, 2, 2), "conv", Bernoulli()),
        (every_binary_image(2, 3), "dense", Bernoulli()),
        (DISCRETE, "dense", Gaussian()),
    ],
    ids=["grey", "colour", "grey, dense", "table"],
)
def test_the_probabilities_of_all_rows_sum_to_one(X, backbone, likelihood):
    layout, batch = rows_of(X)
    made = network(layout, backbone, likelihood=likelihood)
    torch.testing.assert_close(made.score(batch).exp().sum(-1), torch.ones(MEMBERS, dtype=torch.float64))
    first = layout.blocks[0]
    without = batch.hide(torch.arange(layout.width) < first.stop)
    times = torch.exp(made.score(without)).sum(-1)  # each of the others is there once for each value of the first
    levels = 2 if first.kind != "category" else first.width
    torch.testing.assert_close(times, torch.full((MEMBERS,), float(levels), dtype=torch.float64))


def test_the_score_is_the_sum_of_the_terms_of_what_was_observed(case):
    made, batch = case
    torch.testing.assert_close(made.column_scores(batch).sum(-1), made.score(batch), rtol=0, atol=1e-12)
    hidden = Batch(batch.values * 0, torch.zeros_like(batch.values))
    assert (made.score(hidden) == 0).all()
    assert (made.encode(hidden) == 0).all()


def test_a_members_gradient_does_not_depend_on_the_others(case):
    made, batch = case
    parameters = list(made.requires_grad_(True).parameters())
    loss = made.loss("model", batch, Step(0.5, generator()))
    gradients = torch.autograd.grad(loss[0], parameters, allow_unused=True, materialize_grads=True)
    assert all((gradient[1:] == 0).all() for gradient in gradients)
    assert any((gradient[0] != 0).any() for gradient in gradients)


def test_a_corruption_spoils_what_is_read_and_not_what_is_wanted(case):
    made, batch = case
    nothing = Batch(batch.values * 0, torch.zeros_like(batch.values))
    objective = made.observation.objective(made.conditionals(nothing), batch, 0.5)
    made.architecture = Architecture(**{**vars(made.architecture), "corruption": Mask(1.0, 1.0)})
    torch.testing.assert_close(made.loss("model", batch, Step(0.5, generator())), -objective.sum(-1).mean(-1))


# ------------------------------------------------------------------ codes and draws
def test_a_code_stands_for_its_row(case):
    made, batch = case
    code = made.encode(batch)
    assert code.shape == (*batch.values.shape[:2], made.code_width)
    found, expected = made.expect(code), batch.values[..., made.observation.targets]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("shape", [(3, 3), (2, 2, 2)])
def test_a_code_of_black_and_white_pixels_does_too(shape):
    layout, batch = rows_of(every_binary_image(*shape))
    made = network(layout, "conv", likelihood=Bernoulli())
    assert torch.equal(made.expect(made.encode(batch)), batch.values)


def test_rows_are_drawn_as_often_as_they_are_probable():
    X, draws = every_binary_image(2, 2), 4000
    layout, batch = rows_of(X)
    made = network(layout, "conv", likelihood=Bernoulli())
    drawn = made.generate(draws, generator()).view(-1, MEMBERS, 4)
    number = (drawn * torch.tensor([8.0, 4.0, 2.0, 1.0])).sum(-1).long()
    for member in range(MEMBERS):
        share = torch.bincount(number[:, member], minlength=16) / (draws / MEMBERS)
        torch.testing.assert_close(share.double(), made.score(batch)[member].exp(), rtol=0, atol=0.03)


def test_labels_are_drawn_as_often_as_they_are_probable():
    layout, batch = rows_of(DISCRETE)
    made = network(layout, "dense", n_members=1)
    drawn = made.generate(4000, generator())
    share = (drawn[:, None] == batch.values[0]).all(-1).double().mean(0)
    torch.testing.assert_close(share, made.score(batch[:1])[0].exp(), rtol=0, atol=0.03)


@pytest.mark.parametrize("likelihood", [Gaussian(), StudentT(30.0)], ids=repr)
def test_codes_of_drawn_numbers_are_the_noise_of_the_likelihood(likelihood):
    layout, _ = rows_of(with_holes(few_columns()))
    made = network(layout, "dense", n_members=1, likelihood=likelihood)
    noise = made.rosenblatt.noise(torch.zeros(1, 20_000, 4, dtype=torch.float64), generator())
    deviation = likelihood.variance(torch.zeros(())).sqrt()
    torch.testing.assert_close(noise.std(1), deviation.expand(1, 4).double(), atol=0.05, rtol=0)
    correlation = torch.corrcoef(noise[0].T) - torch.eye(4)
    assert correlation.abs().max() < 0.05


# ------------------------------------------------------------------ convolutions
@pytest.mark.parametrize("kernel", [(2, 3), (1, 2), (1, 1)])
def test_members_side_by_side_are_members_one_by_one(kernel):
    made = CausalConvolution(3, 2, 5, kernel, 2, generator())
    torch.nn.init.normal_(made.bias, generator=generator())
    maps = torch.randn(4, 3 * 2, 6, 7, generator=generator())
    found = made(maps)
    assert found.shape == (4, 3 * 5, 6, 7)
    for member in range(3):
        alone = CausalConvolution(1, 2, 5, kernel, 2, generator())
        alone.weight.data, alone.bias.data = made.weight[member, None], made.bias[member, None]
        torch.testing.assert_close(alone(maps[:, 2 * member : 2 * member + 2]), found[:, 5 * member : 5 * member + 5])


@pytest.mark.parametrize("channels", [(4,), (4, 5, 5, 5)])
def test_a_walk_finds_what_a_pass_finds(channels):
    stacks = GatedStacks(MEMBERS, 3, channels, 0.0, generator()).double().requires_grad_(False)
    seen = torch.randn(MEMBERS, 2, 3, 6, 9, generator=generator(), dtype=torch.float64)
    expected, known = stacks(seen), torch.zeros_like(seen)
    places = []
    for row, column, found in stacks.walk(known):
        torch.testing.assert_close(found, expected[..., row, column])
        known[..., row, column] = seen[..., row, column]
        places.append((row, column))
    assert places == list(itertools.product(range(6), range(9)))


def test_dropout_draws_from_the_given_generator_and_only_in_training():
    layout, batch = rows_of(CASES["grey"][0])
    made = network(layout, "conv", dropout=0.5)
    one, again, other = (made.conditionals(batch, generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(made.conditionals(batch), network(layout, "conv").conditionals(batch))
