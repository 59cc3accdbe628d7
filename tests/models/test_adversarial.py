"""Codes that a critic can't tell from draws of the prior."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch
from cases import SMALL, quick
from data import digits, few_columns, with_holes

from anomalib_vae import AdversarialAutoencoder, Autoencoder
from anomalib_vae.codec.batch import Batch
from anomalib_vae.losses.mmd import squared_discrepancy
from anomalib_vae.networks.network import Step

ONE = SMALL | {"n_members": 1}


@pytest.fixture(scope="module")
def fitted():
    return AdversarialAutoencoder(**ONE | {"max_epochs": 100, "batch_size": 89}, latent_dim=2).fit(few_columns())


def from_prior(codes: np.ndarray, scale: float) -> float:
    """MMD² of codes and draws from N(0, I)."""
    real = torch.from_numpy(codes)[None]
    drawn = torch.randn(real.shape, generator=torch.Generator().manual_seed(0), dtype=real.dtype)
    return float(squared_discrepancy(Batch.complete(drawn), real, torch.full((1, 1, 1), scale)))


def parts_of(model):
    network = model.network_.requires_grad_(True)
    batch = model._for_network(model.encode(few_columns()))
    return network, batch, Step(0.5, torch.Generator().manual_seed(0))


def test_a_named_class_states_only_what_is_different():
    assert len(inspect.getsource(AdversarialAutoencoder).splitlines()) < 80


def test_codes_have_the_law_of_the_prior(fitted):
    codes = fitted.transform(few_columns())
    np.testing.assert_allclose(codes.mean(0), 0.0, atol=0.3)
    np.testing.assert_allclose(np.cov(codes.T), np.eye(2), atol=0.4)
    plain = (
        Autoencoder(**ONE | {"max_epochs": 100, "batch_size": 89}, latent_dim=2)
        .fit(few_columns())
        .transform(few_columns())
    )
    assert from_prior(codes, 4.0) < 0.01 < from_prior(plain, 4.0)


def test_without_the_critics_verdict_they_have_not():
    alone = AdversarialAutoencoder(**ONE | {"max_epochs": 100, "batch_size": 89}, latent_dim=2, penalty=0.0).fit(
        few_columns()
    )
    assert from_prior(alone.transform(few_columns()), 4.0) > 0.03


def test_new_rows_are_decoded_draws_from_the_prior(fitted):
    network = fitted.network_
    assert (network.code_mean == 0).all()
    assert (network.code_factor == torch.eye(2)).all()
    made, frame = fitted.sample(500), few_columns()
    np.testing.assert_allclose(made.mean(), frame.mean(), atol=0.4 * frame.std().max())
    correlations = np.corrcoef(made.T)[np.triu_indices(4, 1)], np.corrcoef(frame.T)[np.triu_indices(4, 1)]
    assert np.corrcoef(correlations)[0, 1] > 0.5


def test_the_score_is_that_of_the_row_and_its_code(fitted):
    frame = with_holes(few_columns())
    codes = fitted.transform(frame)
    expected = fitted.column_scores(frame).sum(axis=1) - 0.5 * np.square(codes).sum(1)
    np.testing.assert_allclose(fitted.score_samples(frame), expected)


def test_the_two_players_share_no_parameter_and_leave_none_out():
    network, _, _ = parts_of(quick(AdversarialAutoencoder(**SMALL)).fit(few_columns()))
    critic, autoencoder = ({id(p) for p in player.parameters} for player in network.players().values())
    assert list(network.players()) == ["critic", "autoencoder"]
    assert not critic & autoencoder
    assert critic | autoencoder == {id(p) for p in network.parameters()}


def test_members_do_not_feel_each_other():
    network, batch, step = parts_of(quick(AdversarialAutoencoder(**SMALL)).fit(few_columns()))
    for name, player in network.players().items():
        loss = network.loss(name, batch, step)
        slopes = torch.autograd.grad(loss[0], player.parameters, allow_unused=True, materialize_grads=True)
        assert all((slope[1:] == 0).all() for slope in slopes)
        assert any((slope[0] != 0).any() for slope in slopes)


def test_the_critics_gradient_is_penalised():
    network, batch, step = parts_of(quick(AdversarialAutoencoder(**SMALL, gradient_penalty=0.0)).fit(few_columns()))
    without = network.loss("critic", batch, Step(0.5, torch.Generator().manual_seed(0)))
    object.__setattr__(network.architecture, "gradient_penalty", 3.0)
    drawn = torch.randn(network.encode(batch).shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    (slope,) = torch.autograd.grad(network.judge(drawn.requires_grad_()).sum(), drawn)
    expected = without + 1.5 * slope.square().sum(-1).mean(-1)
    torch.testing.assert_close(network.loss("critic", batch, step), expected)


def test_the_critics_step_learns_from_what_the_encoder_reads():
    """A corrupted row's code, where rows are corrupted in training."""
    model = quick(AdversarialAutoencoder(**SMALL, corruption="mask")).fit(digits())
    assert np.isfinite(model.history_[["critic_loss", "autoencoder_loss"]]).all(axis=None)


def test_auto_makes_a_code_narrow_enough_to_fill():
    assert quick(AdversarialAutoencoder(**ONE)).fit(few_columns()).transform(few_columns()).shape[1] == 2
    assert quick(AdversarialAutoencoder(**ONE)).fit(digits()).transform(digits()).shape[1] == 8


@pytest.mark.parametrize("name", ["penalty", "gradient_penalty"])
def test_refuses(name):
    with pytest.raises(ValueError, match=rf"AdversarialAutoencoder\.{name} must be at least 0\.0"):
        AdversarialAutoencoder(**{name: -1.0}).fit(few_columns())
