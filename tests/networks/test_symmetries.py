"""Quarter turns and mirror images, and how one of them is recognised."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from data import digits

from anomalib_vae.networks.symmetries import inverse, symmetry_between, turned

PICTURE = torch.arange(24.0).view(2, 3, 4)


def test_all_eight_differ_and_each_has_an_inverse():
    found = [turned(PICTURE[:, :, :3], symmetry) for symmetry in range(8)]
    assert len({tuple(one.flatten().tolist()) for one in found}) == 8
    for symmetry, one in enumerate(found):
        assert torch.equal(turned(one, inverse(symmetry)), PICTURE[:, :, :3])
    assert torch.equal(found[1], torch.from_numpy(np.rot90(PICTURE[:, :, :3].numpy(), axes=(1, 2)).copy()))


@pytest.mark.parametrize("symmetry", range(8))
def test_is_recognised_in_the_means_of_other_images(symmetry):
    images = torch.from_numpy(digits())
    assert symmetry_between(images[:70].mean(0), turned(images[70:].mean(0), symmetry)) == symmetry


def test_chance_is_not_taken_for_a_symmetry():
    for seed in range(20):
        a, b = torch.rand(2, 30, 6, 6, generator=torch.Generator().manual_seed(seed)).mean(1)
        assert symmetry_between(a, b) == 0


def test_a_quarter_turn_of_what_is_no_square_does_not_come_into_question():
    assert symmetry_between(PICTURE[0], PICTURE[0].flip(-1)) == 4
    assert symmetry_between(PICTURE[0], PICTURE[0]) == 0
