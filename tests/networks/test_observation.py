"""The likelihood of a row: column by column, and nothing for what is missing."""

from __future__ import annotations

import pytest
import torch
from data import mixed_frame

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.table import TableCodec
from anomalib_vae.losses.strategies import LIKELIHOODS
from anomalib_vae.networks.observation import Observation

MEMBERS = 2
CODEC = TableCodec.fit(mixed_frame())
BATCH = CODEC.encode(mixed_frame()).for_members(MEMBERS).to(torch.float64)


@pytest.fixture(params=LIKELIHOODS)
def observation(request):
    return Observation(CODEC.layout, LIKELIHOODS[request.param](), MEMBERS).double()


def output(observation, rows=None):
    generator, rows = torch.Generator().manual_seed(0), rows or len(BATCH)
    return torch.randn(MEMBERS, rows, observation.width, generator=generator, dtype=torch.float64)


def test_missing_cells_contribute_exactly_nothing(observation):
    missing = BATCH.observed[..., observation.targets] == 0
    assert missing.any()
    out = output(observation).requires_grad_()
    for term in (observation.log_prob(out, BATCH), observation.objective(out, BATCH, 0.3)):
        assert (term[missing] == 0).all()
        (gradient,) = torch.autograd.grad(term.sum(), out, retain_graph=True)
        real = slice(0, observation.real.stop + (observation.binary.stop - observation.binary.start))
        assert (gradient[..., real][missing[..., real]] == 0).all()


def test_an_all_missing_row_has_log_probability_zero(observation):
    nothing = Batch(torch.zeros_like(BATCH.values), torch.zeros_like(BATCH.observed))
    assert (observation.log_prob(output(observation), nothing) == 0).all()


def test_columns_add_up_to_the_row(observation):
    log_prob = observation.log_prob(output(observation), BATCH)
    by_column = observation.by_column(log_prob)
    assert by_column.shape == (MEMBERS, len(BATCH), len(CODEC.layout.blocks))
    torch.testing.assert_close(by_column.sum(-1), log_prob.sum(-1))


def test_a_label_costs_the_log_of_its_probability(observation):
    out = output(observation)
    log_prob = observation.by_column(observation.log_prob(out, BATCH))
    at = CODEC.layout.columns.index("category")
    block = CODEC.layout.blocks[at]
    start = CODEC.layout.column_of_target.index(at)
    probability = observation.mean(out)[..., start : start + block.width]
    level = BATCH.values[..., block.start : block.stop]
    seen = BATCH.observed[..., block.start] > 0
    torch.testing.assert_close(log_prob[..., at][seen], (probability * level).sum(-1).log()[seen])


def test_expected_labels_are_probabilities(observation):
    mean = observation.mean(output(observation))
    real = observation.likelihood.mean(output(observation)[..., observation.real])
    assert torch.equal(mean[..., observation.real], real)
    assert ((mean[..., observation.binary] > 0) & (mean[..., observation.binary] < 1)).all()
    sums = observation.by_column(mean)[..., [c.kind == "category" for c in CODEC.layout.blocks]]
    torch.testing.assert_close(sums, torch.ones_like(sums))


def test_samples_follow_the_expectation(observation):
    out = output(observation, rows=1).expand(-1, 20_000, -1)
    drawn = observation.sample(out, torch.Generator().manual_seed(1))
    difference = (drawn.mean(1) - observation.mean(out)[:, 0]).abs()
    labels = slice(observation.real.stop, None)
    assert difference[:, labels].max() < 0.02
    assert difference[:, observation.real].max() < 0.1
    assert set(drawn[..., labels].unique().tolist()) == {0.0, 1.0}


def test_scales_stay_finite_whatever_is_learned(observation):
    with torch.no_grad():
        observation.raw_log_scale.fill_(-1e6)
    assert torch.isfinite(observation.log_prob(output(observation), BATCH)).all()
