"""An encoder for a generator that stands still."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from data import digits, few_columns, mixed_frame, with_holes
from runs import trained

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.image import ImageCodec
from anomalib_vae.codec.table import TableCodec
from anomalib_vae.losses.corruptions import Mask
from anomalib_vae.losses.squared_error import SquaredError
from anomalib_vae.networks.encoder_decoder import Architecture
from anomalib_vae.networks.implicit import ImplicitNetwork
from anomalib_vae.networks.inversion import FeatureResidual, Inversion
from anomalib_vae.networks.network import Step
from anomalib_vae.training.loop import Plan

MEMBERS = 2
DATA = {"complete": few_columns(), "gaps": with_holes(few_columns()), "mixed": mixed_frame(), "images": digits()}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def step():
    return Step(0.5, generator())


def features(targets: Batch) -> torch.Tensor:
    return torch.cat([targets.values.square(), targets.observed], -1)


def prepared(X, **options):
    codec = ImageCodec.fit(X) if isinstance(X, np.ndarray) else TableCodec.fit(X)
    settings = {"latent_dims": (3,), "hidden_dims": (8,), "n_members": MEMBERS, "likelihood": SquaredError()}
    return ImplicitNetwork(codec.layout, Architecture(**settings | options), generator()), codec.encode(X)


@pytest.fixture(params=DATA)
def made(request):
    network, data = prepared(DATA[request.param])
    return network.double(), data[:12].to(torch.float64).for_members(MEMBERS)


def test_the_loss_is_minus_the_density_of_row_code_and_features(made):
    network, batch = made
    code = network.encode(batch)
    expected = network.observation.log_prob(network.decode(code), batch).sum(-1) - 0.5 * code.square().sum(-1)
    torch.testing.assert_close(Inversion(network).loss("encoder", batch, step()), -expected.mean(-1))
    inversion = Inversion(network, features).double()
    targets = batch.select(network.observation.targets)
    guess = network.reconstruct(batch) * targets.observed
    residual = -0.5 * (features(targets) - features(Batch(guess, targets.observed))).square() - 0.5 * np.log(2 * np.pi)
    torch.testing.assert_close(
        inversion.loss("encoder", batch, step()), -(expected + residual.sum(-1)).mean(-1), atol=1e-2, rtol=1e-3
    )


def test_only_the_encoder_and_the_scales_move(made):
    network, batch = made
    inversion = Inversion(network, features).double()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    trained(inversion, Plan(max_epochs=2, batch_size=4, learning_rate=0.1), Batch(batch.values[0], batch.observed[0]))
    moved = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    expected = {name for name in before if name.startswith("encoder.")} | {"observation.raw_log_scale"}
    assert moved <= expected
    assert any(name.startswith("encoder.") for name in moved)
    assert "observation.raw_log_scale" in moved
    assert (inversion.residual.raw_log_scale != 0).all()


def test_members_do_not_feel_each_other(made):
    network, batch = made
    inversion = Inversion(network, features).double()
    parameters = inversion.players()["encoder"].parameters
    loss = inversion.loss("encoder", batch, step())
    slopes = torch.autograd.grad(loss[0], parameters, allow_unused=True, materialize_grads=True)
    assert all((slope[1:] == 0).all() for slope in slopes)
    assert any((slope[0] != 0).any() for slope in slopes)


def test_missing_cells_of_a_row_do_not_matter():
    network, data = prepared(with_holes(few_columns()))
    batch = data[:12].for_members(MEMBERS)
    guesses = []

    def watched(targets):
        guesses.append(targets)
        return features(targets)

    Inversion(network, watched).loss("encoder", batch, step())
    missing = batch.select(network.observation.targets).observed == 0
    assert missing.any()
    for targets in guesses:
        assert (targets.values[missing] == 0).all()
        assert (targets.observed[missing] == 0).all()


def test_the_generator_stays_as_it_is_in_use():
    network, _ = prepared(few_columns())
    inversion = Inversion(network)
    inversion.train()
    assert inversion.training
    assert not network.training


def test_codes_of_generated_rows_are_found_again():
    """Rows of a generator whose codes can be told."""
    network, _ = prepared(digits(), latent_dims=(2,), backbone="dense")
    code = torch.randn(MEMBERS, 400, 2, generator=generator(3))
    network.decoder.head.weight.data *= 4
    rows = Batch.complete(network.decode(code)[0].detach())
    before = network.score(rows.for_members(MEMBERS)).mean()
    trained(Inversion(network), Plan(max_epochs=60, batch_size=100, learning_rate=0.02), rows)
    found = network.encode(rows.for_members(MEMBERS))
    assert torch.corrcoef(torch.stack([found[0, :, 0], code[0, :, 0]]))[0, 1] > 0.9
    assert network.score(rows.for_members(MEMBERS)).mean() > before + 10
    assert 0.5 < found[0].std() < 1.5


def test_corruption_spoils_what_is_read_and_not_what_is_wanted():
    network, data = prepared(few_columns(), corruption=Mask(1.0, 1.0))
    batch = data[:12].for_members(MEMBERS)
    nothing = Batch(batch.values * 0, torch.zeros_like(batch.values))
    inversion = Inversion(network)
    torch.testing.assert_close(inversion.loss("encoder", batch, step()), -inversion.log_joint(nothing, batch).mean(-1))
    torch.testing.assert_close(inversion.validation_loss(batch), -inversion.log_joint(batch, batch).mean(-1))


def test_a_residual_may_be_the_callers():
    network, _ = prepared(few_columns())
    residual = FeatureResidual(MEMBERS)
    inversion = Inversion(network, features, residual)
    assert inversion.residual is residual
    assert any(parameter is residual.raw_log_scale for parameter in inversion.players()["encoder"].parameters)
    assert Inversion(network).residual is None
