"""Corruptions spoil what was observed, and never make up or reveal a cell."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from data import mixed_frame

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.table import TableCodec
from anomalib_vae.losses.corruptions import GaussianNoise, Mask, SaltAndPepper

ALL = [Mask(), Mask(0.5, 0.5), Mask(1.0, 1.0), GaussianNoise(), SaltAndPepper(), SaltAndPepper(rate=1.0)]


@pytest.fixture(scope="module")
def table():
    codec = TableCodec.fit(mixed_frame())
    return codec.encode(mixed_frame()).for_members(2), codec.layout


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("corruption", ALL, ids=repr)
def test_what_was_missing_stays_missing(corruption, table):
    batch, layout = table
    spoiled = corruption(batch, layout, generator())
    assert (spoiled.observed <= batch.observed).all()
    assert (spoiled.values[batch.observed == 0] == 0).all()
    assert (spoiled.values[spoiled.observed == 0] == 0).all()


@pytest.mark.parametrize("corruption", ALL, ids=repr)
def test_the_original_is_not_touched(corruption, table):
    batch, layout = table
    values, observed = batch.values.clone(), batch.observed.clone()
    corruption(batch, layout, generator())
    assert torch.equal(batch.values, values)
    assert torch.equal(batch.observed, observed)


@pytest.mark.parametrize("corruption", ALL, ids=repr)
def test_follows_its_generator(corruption, table):
    batch, layout = table
    one, again, other = (corruption(batch, layout, generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(one.values, again.values)
    assert torch.equal(one.values, other.values) == (corruption == Mask(1.0, 1.0))


@pytest.mark.parametrize("corruption", ALL, ids=repr)
def test_labels_stay_one_level_and_booleans_stay_zero_or_one(corruption, table):
    batch, layout = table
    spoiled = corruption(batch, layout, generator())
    for block in layout.of_kind("category"):
        levels = spoiled.values[..., block.start : block.stop].sum(-1)
        assert torch.equal(levels, spoiled.observed[..., block.start])
    assert set(spoiled.values[..., layout.span("binary")].unique().tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize("corruption", ALL, ids=repr)
def test_a_column_is_hidden_as_a_whole(corruption, table):
    batch, layout = table
    observed = corruption(batch, layout, generator()).observed
    for block in layout.blocks:
        part = observed[..., block.start : block.stop]
        assert torch.equal(part, part[..., :1].expand_as(part))


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_the_mask_hides_at_its_rate(rate, table):
    batch, layout = table
    full = Batch(batch.values.repeat(1, 20, 1), torch.ones_like(batch.values).repeat(1, 20, 1))
    hidden = 1 - Mask(rate, rate)(full, layout, generator()).observed.mean()
    assert float(hidden) == pytest.approx(rate, abs=0.02)


def test_rows_are_masked_at_rates_of_their_own(table):
    batch, layout = table
    full = Batch(batch.values, torch.ones_like(batch.values))
    by_row = Mask(0.0, 1.0)(full, layout, generator()).observed[..., [b.start for b in layout.blocks]].mean(-1)
    assert float(by_row.std()) > 0.2  # one rate for all of 14 columns would give about 0.13


def test_noise_has_its_scale_and_is_on_numbers_only(table):
    batch, layout = table
    difference = GaussianNoise(scale=0.5)(batch, layout, generator()).values - batch.values
    real = layout.span("real")
    assert float(difference[..., real][batch.observed[..., real] > 0].std()) == pytest.approx(0.5, rel=0.05)
    assert (difference[..., real.stop :] == 0).all()


def test_salt_and_pepper_are_the_two_extremes(table):
    batch, layout = table
    real = layout.span("real")
    spoiled = SaltAndPepper(rate=1.0, extreme=3.0)(batch, layout, generator()).values[..., real]
    assert set(np.unique(spoiled[batch.observed[..., real] > 0])) == {-3.0, 3.0}


def test_salt_and_pepper_spoil_at_their_rate(table):
    batch, layout = table
    real = layout.span("real")
    seen = batch.observed[..., real] > 0
    changed = (SaltAndPepper(rate=0.25)(batch, layout, generator()).values != batch.values)[..., real][seen]
    assert float(changed.float().mean()) == pytest.approx(0.25, abs=0.03)
