"""The importance-weighted likelihood: against exact values, against the bound, and whatever the rows beside a row."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch
from cases import SMALL, quick
from data import digits, few_columns, mixed_frame, with_holes

from anomalib_vae import VAE, DenoisingVAE, HierarchicalVAE, SequenceVAE
from anomalib_vae.networks import variational

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")

LINEAR = {"hidden_dims": (), "latent_dim": 2, "max_epochs": 150, "batch_size": 200, "learning_rate": 0.02}
MODELS = {
    "plain": VAE(**SMALL),
    "aggregate prior": VAE(**SMALL, prior="aggregate"),
    "importance": VAE(**SMALL, importance_samples=3),
    "levels": HierarchicalVAE(**SMALL, n_levels=3),
    "denoising": DenoisingVAE(**SMALL),
}


@pytest.fixture(scope="module")
def linear():
    """A linear decoder with Gaussian noise, of which the likelihood is known (probabilistic PCA)."""
    return VAE(**LINEAR, n_members=2, random_state=0).fit(few_columns())


@pytest.fixture(scope="module", params=MODELS)
def fitted(request):
    return quick(MODELS[request.param]).fit(mixed_frame())


def exact(model, frame) -> np.ndarray:
    """log p(x) of each member, (members, rows): of x = zW + b + noise it is N(b, W'W + diag(scale²)), whose marginal
    is that of the cells that are observed."""
    network, batch, found = model.network_, model.encode(frame), []
    targets = batch.select(network.observation.targets)
    values, observed = targets.values.double().numpy(), targets.observed.numpy() > 0
    for member in range(network.n_members):
        weight, bias = (part[member].numpy() for part in (network.decoder.head.weight, network.decoder.head.bias))
        covariance = weight.T @ weight + np.diag(np.exp(2 * network.observation.log_scale[member, 0].numpy()))
        of_cells = (
            scipy.stats.multivariate_normal(bias[0][seen], covariance[np.ix_(seen, seen)]).logpdf(row[seen])
            if seen.any()
            else 0.0
            for row, seen in zip(values, observed, strict=True)
        )
        found.append(list(of_cells))
    return np.array(found)


# ------------------------------------------------------------------ the truth
@pytest.mark.parametrize("holes", [False, True], ids=["complete", "with holes"])
def test_it_is_the_exact_likelihood_of_a_linear_decoder(linear, holes):
    frame = with_holes(few_columns(), 0.3) if holes else few_columns()
    truth = np.logaddexp.reduce(exact(linear, frame), 0) - np.log(2)
    found = linear.log_likelihood(frame, 4000)
    np.testing.assert_allclose(found, truth, atol=0.3)
    assert found.mean() == pytest.approx(truth.mean(), abs=0.02)


def test_it_rises_towards_the_truth(linear):
    """Burda et al. 2016, theorem 1: in expectation more draws never give less."""
    truth = (np.logaddexp.reduce(exact(linear, few_columns()), 0) - np.log(2)).mean()
    one, few, many = (linear.log_likelihood(few_columns(), n).mean() for n in (1, 8, 1000))
    assert one < few < many < truth + 0.02


def test_members_are_a_mixture(linear):
    members = linear.network_.log_likelihood(linear._for_network(linear.encode(few_columns())), 50)
    mixture = torch.logsumexp(members, 0).numpy() - np.log(2)
    np.testing.assert_allclose(linear.log_likelihood(few_columns(), 50), mixture, atol=1e-9)
    assert (members[0] != members[1]).all()


def test_it_is_at_least_the_bound_on_average(fitted):
    assert fitted.log_likelihood(mixed_frame(), 200).mean() > fitted.score_samples(mixed_frame()).mean() - 0.05


# ------------------------------------------------------------------ how it is computed
def test_it_does_not_depend_on_the_rows_beside_nor_on_the_time(fitted):
    frame = mixed_frame()
    whole = fitted.log_likelihood(frame, 70)
    assert whole.shape == (len(frame),)
    assert np.isfinite(whole).all()
    np.testing.assert_array_equal(whole, fitted.log_likelihood(frame, 70))
    np.testing.assert_allclose(fitted.log_likelihood(frame[37:41], 70), whole[37:41], atol=1e-6)


def test_parts_are_put_together(linear, monkeypatch):
    whole = linear.log_likelihood(few_columns(), 64)
    monkeypatch.setattr(variational, "ROWS_AT_ONCE", 7)
    np.testing.assert_allclose(linear.log_likelihood(few_columns(), 64), whole, atol=1e-9)


def test_a_part_of_the_draws_is_a_part_of_the_mean(linear):
    """Of 70 draws the first 64 are those of K = 64."""
    sixty_four, seventy = (linear.log_likelihood(few_columns(), n) for n in (64, 70))
    assert (np.exp(seventy) * 70 >= np.exp(sixty_four) * 64 - 1e-9).all()
    assert (sixty_four != seventy).all()


def test_of_images():
    model = quick(VAE(**SMALL, likelihood="bernoulli", augmentation="binarize")).fit(digits())
    holes = np.where(np.random.default_rng(0).random(digits().shape) < 0.2, np.nan, np.round(digits()))
    for images in (np.round(digits()), holes):
        found = model.log_likelihood(images[:20], 30)
        assert found.shape == (20,)
        assert (found < 0).all()
        assert found.mean() > model.score_samples(images[:20]).mean()


def test_a_row_without_an_observed_cell_has_a_likelihood_of_one(linear):
    assert np.abs(linear.log_likelihood(few_columns()[:3] * np.nan, 4000)).max() < 0.1


# ------------------------------------------------------------------ what is refused
@pytest.mark.parametrize("n_samples", [0, -1, 2.5, "many"])
def test_the_number_of_samples_is_checked(linear, n_samples):
    with pytest.raises(ValueError, match="n_samples must be a whole number, at least 1"):
        linear.log_likelihood(few_columns(), n_samples)


def test_a_step_of_a_series_has_none():
    with pytest.raises(TypeError, match=r"SequenceVAE models windows that overlap.*score_samples"):
        quick(SequenceVAE(**SMALL, window=6, latent_dim=4)).fit(few_columns()).log_likelihood(few_columns())
