"""Convolutions of several members, along one axis or two: each is torch's own of one member."""

from __future__ import annotations

import pytest
import torch

from anomalib_vae.networks.stacked_convolution import StackedConvolution


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(
    ("kernel", "of_one"), [((5,), torch.nn.functional.conv1d), ((3, 3), torch.nn.functional.conv2d)], ids=["1", "2"]
)
def test_members_side_by_side_are_members_one_by_one(kernel, of_one, stride):
    generator = torch.Generator().manual_seed(0)
    stacked = StackedConvolution(3, 2, 5, kernel, generator, stride=stride)
    torch.nn.init.normal_(stacked.bias, generator=generator)
    values = torch.randn(3, 4, 2, *[9] * len(kernel), generator=generator)
    found = stacked(values)
    assert found.shape[3:] == ((9 + stride - 1) // stride,) * len(kernel)
    for member in range(3):
        weight, bias = stacked.weight[member], stacked.bias[member]
        expected = of_one(values[member], weight, bias, stride=stride, padding=kernel[0] // 2)
        torch.testing.assert_close(found[member], expected)
