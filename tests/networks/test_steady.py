"""Few rows are repeated, many are left as they are."""

from __future__ import annotations

import pytest
import torch

from anomalib_vae.networks.steady import FEW, enough


@pytest.mark.parametrize("rows", [1, 3, FEW, FEW + 5])
def test_each_row_comes_first_in_its_place(rows):
    found = torch.arange(rows)[enough(rows)].tolist()
    assert found[:rows] == list(range(rows))
    assert len(found) == max(rows, FEW)
    assert set(found) == set(range(rows))
