"""The score is a lower bound of the log-likelihood: against exact values where they are known."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import torch
from data import few_columns, mixed_frame

from anomalib_vae import VAE
from anomalib_vae.codec.table import TableCodec
from anomalib_vae.losses.strategies import LIKELIHOODS
from anomalib_vae.networks.variational import Architecture, VariationalNetwork


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def table():
    codec = TableCodec.fit(mixed_frame())
    return codec.layout, codec.encode(mixed_frame()).to(torch.float64)


def noise(network, rows):
    return torch.randn(network.n_members, rows, network.code_width, generator=generator(), dtype=torch.float64)


@pytest.fixture(scope="module")
def linear():
    """A linear-Gaussian VAE and standardised data, so that the decoder's exact likelihood is known."""
    frame = few_columns()
    parameters = {"hidden_dims": (), "latent_dim": 2, "n_members": 1, "max_epochs": 400, "prior": "normal"}
    model = VAE(**parameters, batch_size=200, learning_rate=0.02, random_state=0).fit(frame)
    return model.network_, model.codec_.encode(frame).to(torch.float64).for_members(1)


def exact_log_likelihood(network, batch) -> np.ndarray:
    """log N(x; b, W W' + diag(scale²)) of a decoder x = W z + b + noise, z ~ N(0, I)."""
    weight, bias = network.decoder.head.weight[0].numpy().T, network.decoder.head.bias[0, 0].numpy()
    scale = network.observation.log_scale[0, 0].exp().numpy()
    x = batch.values[0][:, network.observation.targets].numpy()
    return scipy.stats.multivariate_normal(bias, weight @ weight.T + np.diag(scale**2)).logpdf(x)


def bound(network, batch, draws: int, importance_samples: int = 1) -> np.ndarray:
    """The network's score with so many draws, made to have mean 0 and covariance I: the data term of a linear decoder
    depends on nothing else of them, so its ELBO is exact."""
    network = copy.deepcopy(network)
    network.architecture = dataclasses.replace(network.architecture, importance_samples=importance_samples)
    draws = torch.randn(draws, network.code_width, generator=generator(1), dtype=torch.float64)
    draws = draws - draws.mean(0)
    whitened = torch.linalg.solve_triangular(torch.linalg.cholesky(draws.T @ draws / len(draws)), draws.T, upper=False)
    network.score_noise = whitened.T[None]
    return network.score(batch)[0].numpy()


def test_the_score_is_a_lower_bound_of_the_exact_log_likelihood(linear):
    gap = exact_log_likelihood(*linear) - bound(*linear, draws=50)
    assert (gap > -1e-9).all()
    assert gap.mean() < 0.5  # and a tight one: the exact posterior is Gaussian, if not of independent dimensions


def test_the_importance_weighted_bound_lies_between_the_elbo_and_the_exact_log_likelihood(linear):
    exact, elbo = exact_log_likelihood(*linear), bound(*linear, draws=50)
    weighted = bound(*linear, draws=2000, importance_samples=2000)
    assert (weighted >= elbo - 0.02).all()
    np.testing.assert_allclose(weighted, exact, atol=0.15)


def test_the_few_draws_of_score_samples_order_rows_as_many_do(linear):
    """All rows share the draws, so most of their error is the same for all rows."""
    network, batch = linear
    error = network.score(batch)[0].numpy() - bound(network, batch, draws=50)
    assert error.std() < 0.1
    assert abs(error.mean()) < 1
    assert torch.equal(network.score_noise.sum(1), torch.zeros(1, network.code_width))  # antithetic


def test_the_data_term_and_the_divergence_make_up_the_score(linear):
    network, batch = linear
    posterior = network.posterior(batch, noise(network, len(batch)))
    expected = network.column_scores(batch).sum(-1) - posterior.divergence.sum(-1)
    torch.testing.assert_close(network.score(batch), expected)


def test_the_linear_vae_finds_what_factor_analysis_finds(linear):
    """The bound of the best linear VAE is within a nat of the likelihood of factor analysis (Lucas et al. 2019)."""
    from sklearn.decomposition import FactorAnalysis
    from sklearn.preprocessing import StandardScaler

    values = StandardScaler().fit_transform(few_columns())
    expected = FactorAnalysis(n_components=2).fit(values).score(values)
    assert exact_log_likelihood(*linear).mean() == pytest.approx(expected, abs=0.2)


@pytest.mark.parametrize("draws", [1, 2, 3, 5, 8])
def test_scores_use_at_least_as_many_draws_as_asked_for(draws):
    layout, _ = table()
    network = VariationalNetwork(layout, Architecture(latent_dims=(4,), importance_samples=draws), generator())
    assert network.score_noise.shape[1] >= draws


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_importance_weighting_never_lowers_the_score_much(name):
    layout, rows = table()
    parts = Architecture(latent_dims=(4,), hidden_dims=(8,), likelihood=LIKELIHOODS[name]())
    network = VariationalNetwork(layout, parts, generator()).double()
    batch = rows.for_members(1)
    with torch.no_grad():
        assert (bound(network, batch, 500, 500) >= bound(network, batch, 500) - 0.3).all()


def test_a_row_without_any_observed_cell_has_the_highest_possible_score():
    """Nothing observed, nothing improbable: log p() = 0, and a bound of it is not above 0."""
    frame = pd.concat([few_columns(), few_columns() * np.nan])
    model = VAE(hidden_dims=(8,), n_members=1, max_epochs=20, prior="normal", random_state=0).fit(frame)
    assert (model.score_samples(few_columns() * np.nan) <= 1e-9).all()
    assert (model.column_scores(few_columns() * np.nan) == 0).all(axis=None)
