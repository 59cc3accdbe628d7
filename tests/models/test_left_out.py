"""What a model holds possible in a cell: moments of likelihoods and mixtures, and cells whose own value is left out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
import torch
from cases import MODELS, name, quick
from data import few_columns, mixed_frame, with_holes

from anomalib_vae.codec.table import TableCodec
from anomalib_vae.losses.correntropy import Correntropy
from anomalib_vae.losses.gaussian import Gaussian
from anomalib_vae.losses.student_t import StudentT
from anomalib_vae.models import left_out
from anomalib_vae.networks.observation import Observation, mixture_moments

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")


# ------------------------------------------------------------------ moments
@pytest.mark.parametrize("likelihood", [Gaussian(), Correntropy(), StudentT(2.5), StudentT(30)], ids=repr)
def test_the_variance_of_a_likelihood_agrees_with_scipy(likelihood):
    log_scale = torch.tensor([-1.0, 0.4], dtype=torch.float64)
    scale = torch.exp(log_scale).numpy()
    t = scipy.stats.t(likelihood.degrees_of_freedom, scale=scale) if isinstance(likelihood, StudentT) else None
    expected = (t or scipy.stats.norm(scale=scale)).var()
    np.testing.assert_allclose(likelihood.variance(log_scale), expected)


def test_heavy_tails_have_no_variance():
    assert StudentT(2.0).variance(torch.zeros(1)) == math.inf


def test_moments_of_an_observation_are_those_of_its_samples():
    layout = TableCodec.fit(mixed_frame()).layout
    observation = Observation(layout, Gaussian(), 1).double()
    generator = torch.Generator().manual_seed(0)
    output = torch.randn(1, 1, observation.width, generator=generator, dtype=torch.float64)
    drawn = observation.sample(output.expand(1, 20_000, -1), generator)[0]
    mean, variance = (moment[0, 0] for moment in observation.moments(output))
    torch.testing.assert_close(drawn.mean(0), mean, atol=0.03, rtol=0)
    torch.testing.assert_close(drawn.var(0), variance.expand_as(mean), atol=0.05, rtol=0)


def test_moments_of_a_mixture_are_those_of_its_draws_together():
    rng = np.random.default_rng(0)
    draws = rng.normal([[0.0], [3.0], [-1.0]], [[1.0], [0.5], [2.0]], (3, 1000))
    moments = (torch.from_numpy(m)[:, None] for m in (draws.mean(1), draws.var(1)))
    mean, variance = mixture_moments(*moments, dim=0)
    assert float(mean) == pytest.approx(draws.mean())
    assert float(variance) == pytest.approx(draws.var())


# ------------------------------------------------------------------ a cell's own value left out
OF_ROWS = [model for model in MODELS if not model.rows_are_steps]  # windows know a cell from all sides


@pytest.mark.parametrize("model", OF_ROWS, ids=name)
def test_a_cell_left_out_is_a_cell_that_is_missing(model):
    frame = with_holes(few_columns())
    model = quick(model).fit(frame)
    layout = model.codec_.layout
    cells = np.zeros(frame.shape, bool)
    cells[5, [0, 2]] = cells[9, 1] = True
    as_it_is, without = model.predictive(frame), model.predictive(frame, cells)
    nats = left_out.conditional_scores(model.score_batch, layout, model.encode(frame), cells)
    for row, column in np.argwhere(cells):
        holed = frame.astype(float)
        holed[layout.columns[column]] = holed[layout.columns[column]].where(np.arange(len(frame)) != row)
        alone = model.predictive(holed)
        assert without.mean[row, column] == pytest.approx(alone.mean[row, column])
        assert without.deviation[row, column] == pytest.approx(alone.deviation[row, column])
        whole, rest = (model.score_samples(f)[row] for f in (frame, holed))
        assert nats[row, column] == pytest.approx(whole - rest)
    np.testing.assert_array_equal(as_it_is.mean[~cells], without.mean[~cells])
    assert np.isnan(nats[~cells]).all()


@pytest.mark.parametrize("model", OF_ROWS, ids=name)
def test_predictions_are_distributions(model):
    frame = mixed_frame()
    model = quick(model).fit(frame)
    mean, deviation = model.predictive(frame)
    layout = model.codec_.layout
    assert mean.shape == deviation.shape == (len(frame), len(layout.targets))
    scale = torch.exp(model.network_.observation.log_scale).square().mean(0).sqrt().numpy()
    assert (deviation[:, layout.target_span("real")] >= scale * 0.999).all()  # members and draws only add to it
    for at, block in enumerate(layout.blocks):
        probability = mean[:, [column == at for column in layout.column_of_target]]
        if block.kind == "category":
            np.testing.assert_allclose(probability.sum(axis=1), 1.0)
        elif block.kind == "binary":
            assert ((probability >= 0) & (probability <= 1)).all()
