"""What a network reads: features, missing-flags and piecewise-linear bins."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from data import mixed_frame
from scipy.special import ndtri

from anomalib_vae.codec.batch import Batch, Block, Layout
from anomalib_vae.codec.table import TableCodec
from anomalib_vae.networks.inputs import Inputs

ONE_NUMBER = Layout((Block("x", "real", 0, 2, 1),))


def at_rank(ranks) -> Batch:
    values = torch.stack([torch.zeros(len(ranks)), torch.tensor(ranks)], -1)
    return Batch(values, torch.ones_like(values))


def test_features_come_first_then_a_flag_a_column():
    codec = TableCodec.fit(mixed_frame())
    batch = codec.encode(mixed_frame())
    read = Inputs(codec.layout, 0)(batch)
    width = codec.layout.width
    assert torch.equal(read[:, :width], batch.values)
    missing = mixed_frame().isna()[codec.layout.columns]
    assert torch.equal(read[:, width:], torch.from_numpy(missing.to_numpy()).float())


@pytest.mark.parametrize("n_bins", [0, 1, 2, 5])
def test_says_its_width(n_bins):
    codec = TableCodec.fit(mixed_frame())
    inputs = Inputs(codec.layout, n_bins)
    assert inputs(codec.encode(mixed_frame())).shape[-1] == inputs.width


@pytest.mark.parametrize("n_bins", [1, 2, 8])
def test_bins_fill_one_after_the_other(n_bins):
    inputs = Inputs(ONE_NUMBER, n_bins)
    edges = [-3.5, *map(float, ndtri(np.arange(1, n_bins) / n_bins)), 3.5]
    for edge, rank in enumerate(edges):
        bins = inputs(at_rank([rank]))[0, 3:]
        torch.testing.assert_close(bins, torch.tensor([1.0] * edge + [0.0] * (n_bins - edge)), atol=1e-6, rtol=0)
    middle = (edges[0] + edges[1]) / 2
    assert float(inputs(at_rank([middle]))[0, 3]) == pytest.approx(0.5)


def test_bins_rise_with_the_rank_and_stay_between_zero_and_one():
    bins = Inputs(ONE_NUMBER, 6)(at_rank(torch.linspace(-3.5, 3.5, 200).tolist()))[:, 3:]
    assert (bins.diff(dim=0) >= 0).all()
    assert bins.min() == 0
    assert bins.max() == 1


def test_bins_hold_equal_shares_of_the_rows():
    frame = pd.DataFrame({"x": torch.randn(4000, generator=torch.Generator().manual_seed(0)).exp().numpy()})
    codec = TableCodec.fit(frame)
    bins = Inputs(codec.layout, 4)(codec.encode(frame))[:, 3:]
    shares = [float(((bins[:, t] > 0).float()).mean()) for t in range(1, 4)]
    assert shares == pytest.approx([0.75, 0.5, 0.25], abs=0.01)


def test_a_missing_number_fills_no_bin():
    missing = Batch(torch.zeros(1, 2), torch.zeros(1, 2))
    assert torch.equal(Inputs(ONE_NUMBER, 4)(missing), torch.tensor([[0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]]))
