"""The denoising model: a network that starts from a Gaussian's conditional means and is weighed against them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from cases import SMALL
from data import few_columns, mixed_frame, wine, with_holes

from anomalib_vae import DenoisingVAE

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")


def filled(model, frame):
    return frame.where(frame.notna(), model.reconstruct(frame))


def error_in_gaps(made, frame, complete):
    return float(np.sqrt(np.nanmean((((made - complete) / complete.std()).to_numpy()[frame.isna().to_numpy()]) ** 2)))


def believing(model, position: int):
    """The model with all weight on the Gaussian, 0, the network, 1, or donors, 2."""
    weights = torch.zeros_like(model.network_.stacking.weights)
    weights[position] = 1.0
    model.network_.stacking.weights = weights
    return model


def test_a_poor_network_does_not_spoil_what_a_gaussian_knows():
    """Three epochs teach a network next to nothing; the weights see to it that the Gaussian is believed."""
    complete = wine()
    frame = with_holes(complete, 0.3)
    model = DenoisingVAE(**{**SMALL, "max_epochs": 3}).fit(frame)
    weights = model.network_.stacking.weights.clone()
    stacked = error_in_gaps(filled(model, frame), frame, complete)
    gaussian, network = (error_in_gaps(filled(believing(model, i), frame), frame, complete) for i in (0, 1))
    assert weights[1].mean() < 0.3
    assert gaussian < 0.8 * network
    assert stacked < 1.03 * gaussian


def test_a_network_that_knows_more_than_a_gaussian_is_believed():
    """y is the square of x: no straight line says anything of it."""
    x = np.random.default_rng(0).uniform(-2, 2, 600)
    frame = pd.DataFrame({"x": x, "y": x**2})
    model = DenoisingVAE(**{**SMALL, "max_epochs": 200, "hidden_dims": (32,)}, stacking_fraction=0.2).fit(frame)
    made = model.reconstruct(frame.assign(y=np.nan))["y"]
    assert np.corrcoef(made, frame["y"])[0, 1] > 0.95


def test_without_a_held_out_cell_the_network_stands_alone():
    model = DenoisingVAE(**{**SMALL, "max_epochs": 2}, stacking_fraction=0.0).fit(with_holes(few_columns()))
    network = model.network_
    assert not len(network.donors.rows)
    assert (network.without_donors.weights == torch.tensor([[0.0], [1.0]])).all()


def test_observed_cells_are_reconstructed_by_the_network_alone():
    model = DenoisingVAE(**{**SMALL, "max_epochs": 5}).fit(few_columns())
    before = model.reconstruct(few_columns())
    pd.testing.assert_frame_equal(believing(model, 0).reconstruct(few_columns()), before)


@pytest.mark.parametrize("rows", [2, 5, 39])
def test_few_rows_are_enough(rows):
    frame = mixed_frame().head(rows)
    model = DenoisingVAE(**{**SMALL, "max_epochs": 2}).fit(frame)
    assert np.isfinite(model.expected_features(frame)).all()


@pytest.mark.parametrize(("rows", "steps"), [(200, 500), (3000, 1350), (10_000, 1750), (50_000, 1500)])
def test_few_rows_and_very_many_take_fewer_steps(rows, steps):
    plan = planned(few_columns(), rows)
    assert plan.max_epochs == -(-steps // -(-rows // plan.batch_size))
    assert (plan.batch_size, plan.weight_decay) == (512, 0.3)
    assert plan.learning_rate == pytest.approx(0.003 if rows < 256 else 0.006)


def test_images_and_explicit_settings_have_their_own_plan():
    plan = planned(np.zeros((3, 4, 4), np.uint8), 1000)
    assert (plan.batch_size, plan.learning_rate, plan.weight_decay) == (128, 0.003, 0.0)
    plan = planned(few_columns(), 1000, batch_size=64, learning_rate=0.01, weight_decay=0.0, max_epochs=7)
    assert (plan.max_epochs, plan.batch_size, plan.learning_rate, plan.weight_decay) == (7, 64, 0.01, 0.0)


def planned(X, rows: int, **parameters):
    """The training of so many rows like those of X."""
    model = DenoisingVAE(**parameters)
    model.codec_ = model._fit_codec(X)
    model.network_ = model._build(model.codec_.layout, torch.Generator())
    return model._plan(rows)


def test_donors_give_held_out_cells_once_these_have_weighed_them():
    frame = with_holes(wine(), 0.3)
    model = DenoisingVAE(**SMALL, stacking_fraction=0.3).fit(frame)
    donors, rows = model.network_.donors, model.encode(frame)
    assert len(donors.rows) == len(frame)
    firsts = [block.start for block in model.codec_.layout.blocks]
    assert torch.equal(donors.given.sum(0), rows.observed[:, firsts].double().sum(0))
    known = donors.given[:, donors.column] > 0
    targets = rows.values[:, model.codec_.layout.targets].double()
    assert torch.equal(
        donors.rows[known].sort().values, targets[rows.observed[:, model.codec_.layout.targets] > 0].sort().values
    )
