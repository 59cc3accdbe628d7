"""Medians and ranges that nothing breaks."""

from __future__ import annotations

import pytest
import torch

from anomalib_vae.scoring.spread import center_and_spread


@pytest.mark.parametrize(
    ("values", "center", "spread"),
    [
        ([1.0, 2.0, 3.0, 4.0, 5.0], 3.0, 2.0),
        ([-1.0, -2.0, -3.0, float("nan"), -4.0, -5.0, float("inf")], -3.0, 2.0),
        ([-7.0, -7.0, -7.0], -7.0, 0.07),
        ([0.0, 0.0], 0.0, 1e-6),
        ([float("nan")], 0.0, 1e-6),
        ([], 0.0, 1e-6),
    ],
)
def test_median_and_range_are_those_of_known_numbers_and_never_nothing(values, center, spread):
    found = center_and_spread(torch.tensor(values, dtype=torch.float64))
    assert [float(part) for part in found] == pytest.approx([center, spread])
