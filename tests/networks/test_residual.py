"""The backbone with shortcuts: each block corrects what passes it by."""

from __future__ import annotations

import pytest
import torch

from anomalib_vae.networks.residual import ResidualMLP


def generator():
    return torch.Generator().manual_seed(0)


VALUES = torch.randn(3, 5, 4, generator=generator())


@pytest.mark.parametrize("hidden_dims", [(), (7,), (7, 7), (7, 3, 9)])
@pytest.mark.parametrize("outputs", [None, 2])
def test_widths(hidden_dims, outputs):
    network = ResidualMLP(3, 4, hidden_dims, outputs, generator())
    assert network(VALUES).shape == (3, 5, network.width)
    assert network.width == (outputs or (*hidden_dims, 4)[0])


def test_a_block_is_added_to_what_it_reads():
    network = ResidualMLP(3, 4, (6, 8), None, generator(), activation="tanh")
    stream = network.first(VALUES)
    block = network.outer[0](torch.tanh(network.inner[0](torch.tanh(stream))))
    torch.testing.assert_close(network(VALUES), torch.tanh(stream + block))


def test_members_do_not_feel_each_other():
    network, changed = ResidualMLP(3, 4, (6, 6), 2, generator()), VALUES.clone()
    changed[1] += 1.0
    before, after = network(VALUES), network(changed)
    assert torch.equal(before[[0, 2]], after[[0, 2]])
    assert not torch.equal(before[1], after[1])


@pytest.mark.parametrize("hidden_dims", [(), (7,)])
def test_silenced_inputs_have_no_effect_at_the_start(hidden_dims):
    network, changed = ResidualMLP(3, 4, hidden_dims, 2, generator()), VALUES.clone()
    network.silence(slice(2, 4))
    changed[..., 2:] += 1.0
    assert torch.equal(network(VALUES), network(changed))


def test_dropout_only_where_there_is_a_generator():
    network = ResidualMLP(3, 4, (7, 7), 2, generator(), dropout=0.5)
    assert torch.equal(network(VALUES), network(VALUES))
    assert not torch.equal(network(VALUES, generator()), network(VALUES))
