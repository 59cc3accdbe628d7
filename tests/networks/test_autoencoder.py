"""The mathematics of autoencoders: penalties and Jacobians are what their formulas say, layers learn one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from data import digits, few_columns, mixed_frame, with_holes

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.image import ImageCodec
from anomalib_vae.codec.table import TableCodec
from anomalib_vae.losses.corruptions import Mask
from anomalib_vae.losses.squared_error import SquaredError
from anomalib_vae.networks import sparse
from anomalib_vae.networks.autoencoder import Architecture, AutoencoderNetwork
from anomalib_vae.networks.contractive import ContractiveNetwork
from anomalib_vae.networks.jacobian import squared_jacobian
from anomalib_vae.networks.layers import ACTIVATIONS, StackedLinear
from anomalib_vae.networks.layerwise import TiedLayer
from anomalib_vae.networks.mlp import PlainMLP
from anomalib_vae.networks.network import Step

MEMBERS = 2
TABLES = {"complete": few_columns(), "with gaps": with_holes(few_columns()), "mixed": mixed_frame()}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def rows_of(X):
    codec = ImageCodec.fit(X) if isinstance(X, np.ndarray) else TableCodec.fit(X)
    return codec.layout, codec.encode(X)[:12].to(torch.float64).for_members(MEMBERS)


def network(layout, made=AutoencoderNetwork, parts=Architecture, **options):
    settings = {"latent_dims": (3,), "hidden_dims": (6,), "n_members": MEMBERS, "activation": "tanh"}
    return made(layout, parts(**settings | {"likelihood": SquaredError()} | options), generator()).double()


def step():
    return Step(0.5, generator())


@pytest.fixture(params=TABLES)
def table(request):
    return rows_of(TABLES[request.param])


# ------------------------------------------------------------------ loss
def test_the_loss_is_the_squared_error_of_numbers():
    layout, batch = rows_of(few_columns())
    made = network(layout)
    error = 0.5 * (made.reconstruct(batch) - batch.values[..., layout.targets]).square().sum(-1).mean(-1)
    found = torch.autograd.grad(made.loss("model", batch, step()).sum(), made.encoder.head.weight)[0]
    expected = torch.autograd.grad(error.sum(), made.encoder.head.weight)[0]
    torch.testing.assert_close(found, expected)


def test_the_score_is_a_density_of_what_was_observed(table):
    layout, batch = table
    made = network(layout)
    score = made.score(batch)
    torch.testing.assert_close(made.column_scores(batch).sum(-1), score)
    hidden = Batch(batch.values * 0, torch.zeros_like(batch.values))
    assert (made.score(hidden) == 0).all()


def test_a_members_gradient_does_not_depend_on_the_others(table):
    layout, batch = table
    for made in (network(layout), network(layout, ContractiveNetwork, penalty=1.0), sparse_network(layout)):
        parameters = made.players()["model"].parameters
        loss = made.loss("model", batch, step())
        gradients = torch.autograd.grad(loss[0], parameters, allow_unused=True, materialize_grads=True)
        assert all((gradient[1:] == 0).all() for gradient in gradients)
        assert any((gradient[0] != 0).any() for gradient in gradients)


def test_corruption_spoils_what_is_read_and_not_what_is_wanted():
    layout, batch = rows_of(few_columns())
    spoiled = network(layout, corruption=Mask(1.0, 1.0))
    plain = network(layout)
    nothing = Batch(batch.values * 0, torch.zeros_like(batch.values))
    output = plain.decode(plain.encode(nothing))
    expected = -plain.observation.objective(output, batch, 0.5).sum(-1).mean(-1)
    torch.testing.assert_close(spoiled.loss("model", batch, step()), expected)


def test_codes_are_drawn_from_the_gaussian_of_the_training_codes(table):
    layout, batch = table
    made = network(layout)
    made.requires_grad_(False).fit_codes(batch)
    codes = made.encode(batch)
    torch.testing.assert_close(made.code_mean, codes.mean(1, keepdim=True))
    covariance = torch.stack([part.T.cov(correction=0) for part in codes])
    torch.testing.assert_close(made.code_factor @ made.code_factor.mT, covariance, rtol=1e-4, atol=1e-6)
    drawn = made.generate(7, generator())
    assert drawn.shape == (7, len(layout.targets))


def test_codes_that_never_vary_can_be_drawn_as_well():
    layout, batch = rows_of(few_columns())
    made = network(layout).requires_grad_(False)
    same = Batch(batch.values[:, :1].expand_as(batch.values), batch.observed)
    made.fit_codes(same)
    assert torch.isfinite(made.generate(4, generator())).all()


# ------------------------------------------------------------------ activations
def test_the_binary_step_lets_gradients_straight_through():
    values = torch.tensor([-3.0, -0.5, 0.0, 0.5, 3.0], requires_grad=True)
    stepped = ACTIVATIONS["step"](values)
    assert stepped.tolist() == [0, 0, 0, 1, 1]
    stepped.sum().backward()
    logistic = torch.sigmoid(values.detach())
    torch.testing.assert_close(values.grad, logistic * (1 - logistic))


def test_a_step_code_is_binary():
    layout, batch = rows_of(few_columns())
    code = network(layout, code_activation="step").encode(batch)
    assert set(code.unique().tolist()) == {0.0, 1.0}


def test_the_layers_have_no_shortcuts():
    made = PlainMLP(MEMBERS, 4, (4, 4), None, generator(), activation="linear")
    values = torch.randn(MEMBERS, 5, 4, generator=generator(1))
    torch.testing.assert_close(made(values), values @ made.hidden[0].weight @ made.hidden[1].weight)


# ------------------------------------------------------------------ sparsity
def sparse_network(layout, **options):
    options = {"code_activation": "sigmoid", "penalty": 2.0, "sparsity": 0.1} | options
    return network(layout, sparse.SparseNetwork, sparse.Architecture, **options)


def test_the_sparse_penalty_is_the_divergence_of_mean_activations(table):
    layout, batch = table
    made = sparse_network(layout)
    code = made.encode(batch)
    found = code.mean(1)
    expected = 0.1 * torch.log(0.1 / found) + 0.9 * torch.log(0.9 / (1 - found))
    torch.testing.assert_close(made.regulariser(batch, code), expected.sum(-1))
    difference = made.loss("model", batch, step()) - sparse_network(layout, penalty=0.0).loss("model", batch, step())
    torch.testing.assert_close(difference, 2 * expected.sum(-1))


def test_the_divergence_is_zero_where_it_should_be_and_finite_everywhere():
    made = sparse_network(rows_of(few_columns())[0])
    wished, never = torch.full((MEMBERS, 5, 3), 0.1), torch.zeros(MEMBERS, 5, 3)
    torch.testing.assert_close(made.regulariser(None, wished), torch.zeros(MEMBERS), atol=1e-6, rtol=0)
    assert torch.isfinite(made.regulariser(None, never)).all()
    assert (made.regulariser(None, never) > 0).all()


# ------------------------------------------------------------------ contraction
def by_jacobian(made, batch):
    """Row by row with torch's own Jacobian."""
    norms = torch.zeros(batch.values.shape[:2], dtype=torch.float64)
    for row in range(len(batch)):
        seen = batch.observed[:, row : row + 1]

        def code(values, seen=seen):
            return made.encode(Batch(values, seen))

        jacobian = torch.autograd.functional.jacobian(code, batch.values[:, row : row + 1].clone())
        for member in range(MEMBERS):
            norms[member, row] = (jacobian[member, 0, :, member, 0] * seen[member, 0]).square().sum()
    return norms


@pytest.mark.parametrize("code_activation", ["linear", "sigmoid", "tanh", "relu", "selu"])
def test_the_closed_form_is_the_jacobian(table, code_activation):
    layout, batch = table
    made = network(layout, hidden_dims=(), code_activation=code_activation)
    torch.testing.assert_close(squared_jacobian(made, batch), by_jacobian(made, batch))


@pytest.mark.parametrize("options", [{}, {"hidden_dims": (6, 5)}, {"hidden_dims": (), "n_bins": 4}], ids=str)
def test_deep_encoders_are_differentiated_exactly(table, options):
    layout, batch = table
    made = network(layout, **options)
    torch.testing.assert_close(squared_jacobian(made, batch), by_jacobian(made, batch))


def test_convolutions_are_differentiated_exactly():
    layout, batch = rows_of(digits())
    made = network(layout, backbone="conv", channels=(3, 4))
    torch.testing.assert_close(squared_jacobian(made, batch), by_jacobian(made, batch))


@pytest.mark.parametrize("hidden_dims", [(), (6,)])
def test_the_contractive_penalty_is_the_mean_norm_and_has_a_gradient(table, hidden_dims):
    layout, batch = table
    made = network(layout, ContractiveNetwork, penalty=3.0, hidden_dims=hidden_dims, code_activation="sigmoid")
    plain = network(layout, hidden_dims=hidden_dims, code_activation="sigmoid")
    difference = made.loss("model", batch, step()) - plain.loss("model", batch, step())
    torch.testing.assert_close(difference, 3 * by_jacobian(made, batch).mean(-1))
    weight = next(layer for layer in made.encoder.modules() if isinstance(layer, StackedLinear)).weight
    (gradient,) = torch.autograd.grad(squared_jacobian(made, batch).sum(), weight)
    nudged = 1e-6 * torch.randn(weight.shape, generator=generator(5), dtype=torch.float64)
    before = squared_jacobian(made, batch).sum().item()
    weight.data += nudged
    assert squared_jacobian(made, batch).sum().item() - before == pytest.approx(
        (gradient * nudged).sum().item(), rel=1e-2
    )


# ------------------------------------------------------------------ layer by layer
def test_a_layer_reads_what_the_layers_below_give_and_trains_nothing_else(table):
    layout, batch = table
    made = network(layout, hidden_dims=(6, 5), code_activation="sigmoid")
    for level, widths in enumerate([(made.inputs.width, 6), (6, 5), (5, 3)]):
        layer = TiedLayer(made, level)
        weight, *_ = layer.players()["layer"].parameters
        assert tuple(weight.shape[1:]) == widths
        made.zero_grad(set_to_none=True)
        layer.loss("layer", batch, step()).sum().backward()
        learning = {id(p) for p in made.parameters() if p.grad is not None}
        assert learning == {id(p) for p in layer.players()["layer"].parameters}


def test_untied_layers_do_what_the_tied_ones_did():
    layout, batch = rows_of(few_columns())
    made = network(layout, hidden_dims=(), code_activation="tanh")
    layer = TiedLayer(made, 0)
    expected = layer.loss("layer", batch, step())
    layer.untie()
    torch.testing.assert_close(made.loss("model", batch, step()), expected)
    weight = made.encoder.head.weight
    torch.testing.assert_close(made.decoder.head.weight, weight[:, layout.targets].mT)


def test_all_layers_of_the_decoder_are_transposes():
    layout, _ = rows_of(few_columns())
    made = network(layout, hidden_dims=(6, 5))
    for level in range(3):
        TiedLayer(made, level).untie()
    encoder = [*made.encoder.hidden, made.encoder.head]
    decoder = [*made.decoder.hidden, made.decoder.head]
    torch.testing.assert_close(decoder[0].weight, encoder[2].weight.mT)
    torch.testing.assert_close(decoder[1].weight, encoder[1].weight.mT)


def test_the_scale_is_learned_without_pulling_at_the_location():
    location, log_scale = torch.tensor([0.3], requires_grad=True), torch.tensor([-0.5], requires_grad=True)
    values = torch.tensor([1.0])
    likelihood = SquaredError()
    objective = likelihood.objective(values, location, log_scale, torch.ones(1), 0.5)
    assert objective.item() == pytest.approx(likelihood.log_prob(values, location, log_scale).item())
    objective.sum().backward()
    assert location.grad.item() == pytest.approx(0.7)
    assert log_scale.grad.item() == pytest.approx(0.49 * math.exp(1.0) - 1)
