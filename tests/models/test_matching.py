"""A generator whose rows have the law of the training rows."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch
from cases import SMALL, quick
from data import complete_frame, digits, few_columns, mixed_frame, with_holes

from anomalib_vae import GenerativeMatchingNetwork
from anomalib_vae.networks.network import Step

ONE = SMALL | {"n_members": 1}


@pytest.fixture(scope="module")
def fitted():
    settings = ONE | {"max_epochs": 120, "batch_size": 178, "hidden_dims": (64,)}
    return GenerativeMatchingNetwork(**settings).fit(few_columns())


def network_of(model, X):
    return model.network_.requires_grad_(True), model._for_network(model.encode(X))


def test_a_named_class_states_only_what_is_different():
    assert len(inspect.getsource(GenerativeMatchingNetwork).splitlines()) < 80


@pytest.mark.parametrize("X", [with_holes(few_columns()), mixed_frame(), digits()], ids=["gaps", "mixed", "images"])
@pytest.mark.parametrize("matched", ["rows", "codes"])
def test_the_discrepancy_falls(matched, X):
    settings = ONE | {"max_epochs": 50, "batch_size": 75, "learning_rate": 0.03}
    losses = GenerativeMatchingNetwork(**settings, matched=matched).fit(X).history_["generator_loss"]
    assert losses.iloc[-3:].mean() < 0.5 * losses.iloc[0]


def test_generated_rows_have_the_moments_of_the_real_ones(fitted):
    made, frame = fitted.sample(1000), few_columns()
    spread = frame.std()
    np.testing.assert_allclose(made.mean() / spread, frame.mean() / spread, atol=0.25)
    np.testing.assert_allclose(made.std() / spread, 1.0, atol=0.25)
    np.testing.assert_allclose(np.corrcoef(made.T), np.corrcoef(frame.T), atol=0.2)


def test_missing_cells_do_not_move_the_law():
    settings = ONE | {"max_epochs": 120, "batch_size": 178, "hidden_dims": (64,)}
    frame = few_columns()
    made = GenerativeMatchingNetwork(**settings).fit(with_holes(frame, 0.4)).sample(1000)
    np.testing.assert_allclose(made.std() / frame.std(), 1.0, atol=0.35)
    np.testing.assert_allclose(np.corrcoef(made.T), np.corrcoef(frame.T), atol=0.35)


def test_labels_are_generated_as_often_as_they_are_seen():
    frame = complete_frame()[["category"]]
    made = GenerativeMatchingNetwork(**ONE | {"max_epochs": 100}).fit(frame).sample(1000)
    seen, drawn = (f["category"].value_counts(normalize=True) for f in (frame, made))
    assert (seen - drawn.reindex(seen.index).fillna(0)).abs().max() < 0.1


def test_codes_are_found_by_the_encoder(fitted):
    frame = few_columns()
    error = np.square(fitted.expected_features(frame) - fitted.encode(frame).values[:, ::2].numpy()).mean()
    assert error < 0.5  # of the variance, which is 1
    codes = fitted.transform(frame)
    assert 0.3 < codes.std() < 1.5


def test_the_kernels_are_as_wide_as_the_data(fitted):
    rows = fitted.encode(few_columns()).select(fitted.network_.observation.targets).values.double()
    torch.testing.assert_close(
        fitted.network_.scale.item(), torch.pdist(rows).square().median().item(), rtol=1e-3, atol=0
    )


def test_codes_of_images_and_rows_of_tables_are_matched():
    assert quick(GenerativeMatchingNetwork(**SMALL)).fit(few_columns()).network_.autoencoder is None
    assert quick(GenerativeMatchingNetwork(**SMALL, matched="rows")).fit(digits()).network_.autoencoder is None
    for model, X in (
        (GenerativeMatchingNetwork(**SMALL), digits()),
        (GenerativeMatchingNetwork(**SMALL, matched="codes"), few_columns()),
    ):
        network = quick(model).fit(X).network_
        assert network.autoencoder.code_width == 16
        code = network.prior(3, torch.Generator().manual_seed(0))
        torch.testing.assert_close(network.decode(code), network.autoencoder.decode(network.inner_code(code)))


def test_pixels_of_matched_images_are_between_black_and_white():
    network = quick(GenerativeMatchingNetwork(**SMALL, matched="rows")).fit(digits()).network_
    made = network.decode(100 * network.prior(50, torch.Generator().manual_seed(0)))
    assert 0 <= made.min() < 0.1 < 0.9 < made.max() <= 1


@pytest.mark.parametrize("X", [few_columns(), digits()], ids=["rows", "codes"])
def test_members_do_not_feel_each_other_and_only_the_generator_moves(X):
    network, batch = network_of(quick(GenerativeMatchingNetwork(**SMALL)).fit(X), X)
    (player,) = network.players().values()
    loss = network.loss("generator", batch, Step(0.5, torch.Generator().manual_seed(0)))
    slopes = torch.autograd.grad(loss[0], player.parameters)
    assert all((slope[1:] == 0).all() for slope in slopes)
    assert any((slope[0] != 0).any() for slope in slopes)
    assert {id(p) for p in player.parameters} == {id(p) for p in network.decoder.parameters()}


@pytest.mark.parametrize(("matched", "epochs"), [("rows", 14), ("codes", 10)])
def test_the_epochs_of_all_parts_are_max_epochs(matched, epochs):
    model = GenerativeMatchingNetwork(**ONE, matched=matched, pretraining=0.3, inversion=0.3).fit(few_columns())
    assert model.n_iter_ == len(model.history_) == epochs


def test_held_out_rows_choose_the_epoch():
    model = GenerativeMatchingNetwork(**ONE, validation_fraction=0.3).fit(few_columns())
    assert np.isfinite(model.history_["validation_loss"]).all()


def test_single_rows_a_step_teach_nothing_and_break_nothing():
    frame = few_columns().head(3)
    model = quick(GenerativeMatchingNetwork(**ONE | {"batch_size": 1})).fit(frame)
    assert (model.history_["generator_loss"] == 0).all()
    assert np.isfinite(model.score_samples(frame)).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"matched": "pixels"}, "must be one of 'auto', 'rows', 'codes'"), ({"pretraining": 1.0}, r"must be below 1\.0")],
)
def test_refuses(settings, message):
    with pytest.raises(ValueError, match=rf"GenerativeMatchingNetwork\.{next(iter(settings))} {message}"):
        GenerativeMatchingNetwork(**settings).fit(few_columns())
