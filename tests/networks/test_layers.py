"""Layers of several members: each member is an ordinary layer, untouched by the others."""

from __future__ import annotations

import pytest
import torch

from anomalib_vae.networks.layers import ACTIVATIONS, StackedLinear, dropout, smooth_clamp
from anomalib_vae.networks.mlp import MLP


def generator():
    return torch.Generator().manual_seed(0)


VALUES = torch.randn(3, 5, 4, generator=generator())


def test_each_member_is_a_linear_layer():
    layer = StackedLinear(3, 4, 2, generator())
    with torch.no_grad():
        layer.bias.normal_(generator=generator())
    for member, out in enumerate(layer(VALUES)):
        expected = torch.nn.functional.linear(VALUES[member], layer.weight[member].T, layer.bias[member, 0])
        torch.testing.assert_close(out, expected)


def test_members_start_apart_and_in_scale():
    weight = StackedLinear(3, 400, 50, generator()).weight.detach()
    assert not torch.equal(weight[0], weight[1])
    assert float(weight.var()) * 400 == pytest.approx(1.0, rel=0.05)  # unit variance in, unit variance out


def test_a_layer_without_inputs_is_its_bias():
    assert StackedLinear(3, 0, 2, generator())(torch.zeros(3, 5, 0)).shape == (3, 5, 2)


def test_dropout_only_where_there_is_a_generator():
    assert dropout(VALUES, 0.5, None) is VALUES
    assert dropout(VALUES, 0.0, generator()) is VALUES


def test_dropout_keeps_the_mean():
    dropped = dropout(torch.ones(100_000), 0.3, generator())
    assert float((dropped == 0).float().mean()) == pytest.approx(0.3, abs=0.01)
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.01)


def test_smooth_clamp_stays_inside_and_keeps_a_gradient():
    values = torch.linspace(-20, 20, 61, dtype=torch.float64, requires_grad=True)
    clamped = smooth_clamp(values, -4.0, 3.0)
    clamped.sum().backward()
    assert clamped.min() >= -4
    assert clamped.max() <= 3
    assert (clamped.diff() > 0).all()
    assert (values.grad > 0).all()


def test_smooth_clamp_is_the_identity_well_inside():
    torch.testing.assert_close(smooth_clamp(torch.tensor([0.0]), -12.0, 12.0), torch.tensor([0.0]), atol=1e-4, rtol=0)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_mlp_is_its_layers_in_turn(activation):
    mlp = MLP(3, 4, (6, 6), 2, generator(), activation=activation)
    act = ACTIVATIONS[activation]
    first = act(mlp.hidden[0](VALUES))
    second = first + act(mlp.hidden[1](first))  # equal widths: a residual connection
    torch.testing.assert_close(mlp(VALUES), mlp.head(second))


def test_an_mlp_without_hidden_layers_is_affine():
    mlp = MLP(3, 4, (), 2, generator())
    torch.testing.assert_close(mlp(VALUES), mlp.head(VALUES))
    assert MLP(3, 4, (7,), None, generator()).width == 7


def test_silenced_inputs_have_no_effect_at_first():
    mlp = MLP(3, 4, (6,), 2, generator())
    mlp.silence(slice(1, 3))
    changed = VALUES.clone()
    changed[..., 1:3] += 5
    assert torch.equal(mlp(VALUES), mlp(changed))
    assert not torch.equal(mlp(VALUES), mlp(VALUES + 1))
