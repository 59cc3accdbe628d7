"""Likelihoods are densities, their samples come from them, and correntropy is what its formula says."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
import torch

from anomalib_vae.losses.bernoulli import Bernoulli, bernoulli_log_prob
from anomalib_vae.losses.correntropy import Correntropy
from anomalib_vae.losses.gaussian import Gaussian
from anomalib_vae.losses.mean_seeking import MeanSeeking
from anomalib_vae.losses.squared_error import SquaredError
from anomalib_vae.losses.strategies import LIKELIHOODS
from anomalib_vae.losses.student_t import StudentT

ALL = [
    Gaussian(),
    StudentT(),
    StudentT(degrees_of_freedom=10),
    StudentT(degrees_of_freedom=2.5),
    Correntropy(),
    MeanSeeking(),
    SquaredError(),
]
LOCATION, LOG_SCALE = torch.tensor(0.7, dtype=torch.float64), torch.tensor(-0.4, dtype=torch.float64)


def reference(likelihood):
    """The same distribution as scipy has it."""
    scale = math.exp(LOG_SCALE)
    if isinstance(likelihood, StudentT):
        return scipy.stats.t(likelihood.degrees_of_freedom, loc=LOCATION, scale=scale)
    return scipy.stats.norm(LOCATION, scale)


@pytest.mark.parametrize("likelihood", ALL, ids=repr)
def test_integrates_to_one(likelihood):
    # substituting x = location + sinh(t) reaches far into heavy tails
    t = torch.linspace(-20, 20, 200_001, dtype=torch.float64)
    density = torch.exp(likelihood.log_prob(LOCATION + torch.sinh(t), LOCATION, LOG_SCALE)) * torch.cosh(t)
    assert float(torch.trapezoid(density, t)) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("likelihood", ALL, ids=repr)
def test_agrees_with_scipy(likelihood):
    values = torch.linspace(-30, 30, 101, dtype=torch.float64)
    np.testing.assert_allclose(
        likelihood.log_prob(values, LOCATION, LOG_SCALE), reference(likelihood).logpdf(values), rtol=1e-10
    )


@pytest.mark.parametrize("likelihood", ALL, ids=repr)
def test_samples_come_from_the_density(likelihood):
    generator = torch.Generator().manual_seed(0)
    drawn = likelihood.sample(LOCATION.expand(20_000), LOG_SCALE.expand(20_000), generator)
    assert scipy.stats.kstest(drawn.numpy(), reference(likelihood).cdf).pvalue > 0.01


@pytest.mark.parametrize("likelihood", ALL, ids=repr)
def test_samples_follow_their_generator(likelihood):
    one, other = (likelihood.sample(torch.zeros(9), torch.zeros(9), torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, other)


@pytest.mark.parametrize("likelihood", [Gaussian(), StudentT()], ids=repr)
def test_training_maximises_the_density_itself(likelihood):
    values = torch.linspace(-3, 3, 7)
    objective = likelihood.objective(values, torch.zeros(7), torch.zeros(7), torch.ones(7), 0.5)
    assert torch.equal(objective, likelihood.log_prob(values, torch.zeros(7), torch.zeros(7)))


def test_a_students_t_of_many_degrees_is_gaussian():
    values = torch.linspace(-3, 3, 7, dtype=torch.float64)
    pair = [d.log_prob(values, LOCATION, LOG_SCALE) for d in (StudentT(degrees_of_freedom=1e7), Gaussian())]
    torch.testing.assert_close(*pair, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_densities_have_gradients_at_any_distance(name):
    location = torch.tensor([0.0, 1e3, 1e6], requires_grad=True)
    LIKELIHOODS[name]().log_prob(torch.zeros(3), location, torch.zeros(3)).sum().backward()
    assert torch.isfinite(location.grad).all()


def test_bernoulli_is_a_distribution_of_two_values():
    logits = torch.linspace(-30, 30, 13, dtype=torch.float64)
    one, zero = (bernoulli_log_prob(torch.full_like(logits, x), logits) for x in (1.0, 0.0))
    torch.testing.assert_close(one.exp() + zero.exp(), torch.ones_like(logits))
    np.testing.assert_allclose(one, scipy.stats.bernoulli.logpmf(1, torch.sigmoid(logits)), atol=1e-9)


# ------------------------------------------------------------------ correntropy
def objective(likelihood, values, log_scale=0.0, progress=1.0):
    values = torch.as_tensor(values, dtype=torch.float64)
    log_scale = torch.as_tensor(log_scale, dtype=torch.float64).expand_as(values)
    return likelihood.objective(values, torch.zeros_like(values), log_scale, torch.ones_like(values), progress)


def test_mean_seeking_pulls_at_a_residual_the_same_however_well_its_column_is_known():
    """The squared part of the gradient has no scale; that of the density grows with the precision."""
    location = torch.zeros(1, requires_grad=True)
    pulls = []
    for log_scale in (-3.0, 0.0, 3.0):
        squared = MeanSeeking(density_weight=0.0).objective(
            torch.ones(1), location, torch.tensor(log_scale), torch.ones(1), 0.5
        )
        pulls += torch.autograd.grad(squared.sum(), location)
    assert pulls[0] == pulls[1] == pulls[2] == pytest.approx(1.5)


def test_mean_seeking_learns_the_scale_of_the_density():
    """Maximised over the scale, the objective gives the residuals' deviation, as the density does."""
    residuals = torch.randn(2000, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 0.5
    grid = torch.linspace(-2, 1, 301, dtype=torch.float64)
    best = grid[torch.stack([objective(MeanSeeking(), residuals, scale).sum() for scale in grid]).argmax()]
    assert float(best) == pytest.approx(math.log(float(residuals.square().mean().sqrt())), abs=0.02)


@pytest.mark.parametrize("per", ["cell", "row"])
def test_correntropy_tends_to_the_gaussian_as_its_bandwidth_grows(per):
    values = torch.linspace(-4, 4, 9, dtype=torch.float64)[:, None]
    errors = [
        float((objective(Correntropy(bandwidth=width, per=per), values) - objective(Gaussian(), values)).abs().max())
        for width in (2.0, 20.0, 2000.0)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-4


@pytest.mark.parametrize("per", ["cell", "row"])
@pytest.mark.parametrize("bandwidth", [0.5, 2.5])
def test_correntropy_is_bounded(bandwidth, per):
    likelihood = Correntropy(bandwidth=bandwidth, per=per)
    far = objective(likelihood, [[1e1], [1e3], [1e6], [1e100]])
    constant = (1 + 1 / bandwidth**2) ** 1.5 if per == "cell" else math.exp(1 / (2 * bandwidth**2))
    lowest = -constant * bandwidth**2 - 0.5 * math.log(2 * math.pi)
    assert (far >= lowest - 1e-9).all()
    assert float(far[-1]) == pytest.approx(lowest)


def test_correntropy_lets_go_of_far_cells():
    residual = torch.tensor([0.1, 100.0], requires_grad=True)
    Correntropy().objective(residual, torch.zeros(2), torch.zeros(2), torch.ones(2), 1.0).sum().backward()
    assert abs(residual.grad[1]) < 1e-6 < abs(residual.grad[0])


def test_the_row_kernel_lets_go_of_a_whole_row():
    residual = torch.tensor([[0.1, 0.1], [0.1, 100.0]], requires_grad=True)
    Correntropy(per="row").objective(
        residual, torch.zeros(2, 2), torch.zeros(2, 2), torch.ones(2, 2), 1.0
    ).sum().backward()
    assert residual.grad[0].abs().min() > 1e-3
    assert residual.grad[1].abs().max() < 1e-6


def test_the_row_kernel_ignores_missing_cells():
    values, observed = torch.tensor([[0.5, 77.0]]), torch.tensor([[1.0, 0.0]])
    beside = Correntropy(per="row").objective(values, torch.zeros(1, 2), torch.zeros(1, 2), observed, 1.0)[0, 0]
    alone = Correntropy(per="row").objective(values[:, :1], torch.zeros(1, 1), torch.zeros(1, 1), observed[:, :1], 1.0)
    assert float(beside) == pytest.approx(float(alone))


@pytest.mark.parametrize("bandwidth", [1.0, 2.5, 10.0])
def test_the_scale_that_correntropy_learns_is_right_for_gaussian_data(bandwidth):
    """In expectation over N(0, 1) the objective is highest at the scale 1."""
    values = torch.linspace(-10, 10, 20_001, dtype=torch.float64)
    weights = torch.exp(Gaussian().log_prob(values, torch.zeros(()), torch.zeros(())))
    scales = torch.linspace(0.7, 1.4, 701, dtype=torch.float64)
    expected = [(weights * objective(Correntropy(bandwidth=bandwidth), values, s.log())).sum() for s in scales]
    assert float(scales[int(torch.stack(expected).argmax())]) == pytest.approx(1.0, abs=0.005)


def test_the_scale_that_correntropy_learns_does_not_follow_outliers():
    generator = torch.Generator().manual_seed(0)
    values = torch.cat([torch.randn(950, generator=generator), torch.full((50,), 30.0)]).double()
    scales = torch.linspace(0.5, 8.0, 400, dtype=torch.float64)
    best = [
        float(scales[int(torch.stack([objective(d, values, s.log()).sum() for s in scales]).argmax())])
        for d in (Correntropy(), Gaussian())
    ]
    assert best[0] == pytest.approx(1.0, abs=0.15)
    assert best[1] > 4


def test_correntropys_bandwidth_shrinks_over_the_first_half_of_the_training():
    wide, narrow = Correntropy(bandwidth=10.0), Correntropy(bandwidth=2.5, start=4.0)
    values = torch.linspace(0, 8, 9)
    torch.testing.assert_close(objective(narrow, values, progress=0.0), objective(wide, values))
    torch.testing.assert_close(objective(narrow, values, progress=0.5), objective(narrow, values, progress=1.0))
    assert (objective(narrow, [6.0], progress=0.2) < objective(narrow, [6.0], progress=0.4)).all()


def test_the_bernoulli_likelihood_is_the_cross_entropy_of_grey_pixels():
    grey, logits = torch.linspace(0, 1, 50, dtype=torch.float64), torch.linspace(-4, 4, 50, dtype=torch.float64)
    p = torch.sigmoid(logits)
    found = Bernoulli().log_prob(grey, logits, torch.zeros(()))
    torch.testing.assert_close(found, grey * p.log() + (1 - grey) * (1 - p).log())
    torch.testing.assert_close(Bernoulli().mean(logits), p)
    torch.testing.assert_close(Bernoulli().variance(torch.zeros(()), logits), p * (1 - p))


def test_pixels_beyond_black_and_white_count_as_these_under_bernoulli():
    logits, zero = torch.tensor([-2.0, 3.0]), torch.zeros(())
    for far, end in ((torch.tensor(-1.0), torch.tensor(0.0)), (torch.tensor(2.0), torch.tensor(1.0))):
        torch.testing.assert_close(Bernoulli().log_prob(far, logits, zero), Bernoulli().log_prob(end, logits, zero))


def test_bernoulli_draws_white_as_often_as_it_says():
    logits = torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64).expand(20_000, 3)
    drawn = Bernoulli().sample(logits, torch.zeros(()), torch.Generator().manual_seed(0))
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(drawn.mean(0), torch.sigmoid(logits[0]), atol=0.02, rtol=0)
