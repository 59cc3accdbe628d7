"""What a VAE and its presets do beyond what all models do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from cases import SMALL, quick
from data import few_columns, mixed_frame, wine

from anomalib_vae import VAE, DenoisingVAE, HierarchicalVAE, RobustVAE
from anomalib_vae.losses.correntropy import Correntropy

COLLAPSED = pytest.mark.filterwarnings("ignore:posterior collapse")


def noise(rows=300) -> pd.DataFrame:
    """Columns that have nothing to do with each other."""
    return pd.DataFrame(np.random.default_rng(0).normal(size=(rows, 3)), columns=list("abc"))


def test_a_collapsed_posterior_is_reported_with_a_remedy():
    with pytest.warns(UserWarning, match="posterior collapse.*lower beta, or set warmup or free_bits"):
        model = VAE(**{**SMALL, "max_epochs": 100}, beta=20.0).fit(noise())
    assert model.active_units_ == 0


def test_a_posterior_in_use_is_counted():
    model = VAE(**{**SMALL, "max_epochs": 200}, latent_dim=3, beta=0.5).fit(wine())
    assert 1 <= model.active_units_ <= 3


def test_free_bits_keep_dimensions_in_use():
    parameters = {**SMALL, "max_epochs": 100, "latent_dim": 3, "beta": 3.0}
    with pytest.warns(UserWarning, match="posterior collapse"):
        VAE(**parameters).fit(noise())
    assert VAE(**parameters, free_bits=0.5).fit(noise()).active_units_ == 3


@COLLAPSED
@pytest.mark.parametrize("latent_dim", [1, 3, 20])
def test_latent_dim_is_the_width_of_a_members_code(latent_dim):
    model = quick(VAE(**SMALL, latent_dim=latent_dim)).fit(few_columns())
    assert model.transform(few_columns()).shape == (178, 2 * latent_dim)


@COLLAPSED
def test_levels_halve():
    model = quick(HierarchicalVAE(**SMALL, latent_dim=8, n_levels=3)).fit(few_columns())
    assert model.network_.architecture.latent_dims == (8, 4, 2)
    assert model.transform(few_columns()).shape == (178, 2 * 14)


@COLLAPSED
def test_members_average_out_chance():
    """The scores of several members vary less from seed to seed than those of one."""

    def spread(n_members):
        parameters = {**SMALL, "max_epochs": 60, "n_members": n_members}
        scores = [
            VAE(**{**parameters, "random_state": s}).fit(few_columns()).score_samples(few_columns()) for s in range(4)
        ]
        return np.std(scores, axis=0).mean()

    assert spread(8) < spread(1)


@COLLAPSED
def test_a_fit_takes_max_epochs():
    assert quick(VAE(**SMALL), 7).fit(few_columns()).n_iter_ == 7


def test_auto_epochs_make_enough_steps_for_any_number_of_rows():
    from anomalib_vae.models.base import AUTO_STEPS

    for rows in (2, 178, 100_000):
        plan = VAE()._plan(rows)
        steps = plan.max_epochs * -(-rows // min(256, rows))
        assert AUTO_STEPS <= steps < AUTO_STEPS + -(-rows // min(256, rows))


@COLLAPSED
def test_a_robust_vae_is_less_swayed_by_outliers():
    """Five in a hundred rows are far off in one column; what is expected in the clean rows must not follow them."""
    clean = wine()
    dirty = pd.concat([clean, clean.head(9).assign(alcohol=40.0)], ignore_index=True)
    parameters = {**SMALL, "max_epochs": 200}
    errors = {}
    for model in (VAE(**parameters), RobustVAE(**parameters)):
        made = model.fit(dirty).reconstruct(clean)["alcohol"]
        errors[type(model)] = float(np.sqrt(np.mean((made - clean["alcohol"]) ** 2)))
    assert errors[RobustVAE] < errors[VAE]


@COLLAPSED
def test_a_likelihood_can_be_given_as_an_object():
    by_name = quick(VAE(**SMALL, likelihood="correntropy")).fit(few_columns()).score_samples(few_columns())
    by_object = quick(VAE(**SMALL, likelihood=Correntropy())).fit(few_columns()).score_samples(few_columns())
    other = quick(VAE(**SMALL, likelihood=Correntropy(bandwidth=0.5))).fit(few_columns()).score_samples(few_columns())
    np.testing.assert_array_equal(by_name, by_object)
    assert not np.array_equal(by_name, other)


@COLLAPSED
@pytest.mark.parametrize("prior", ["aggregate", "normal"])
def test_both_priors_give_usable_models(prior, tmp_path):
    model = quick(VAE(**SMALL, prior=prior)).fit(mixed_frame())
    assert model.network_.aggregate_prior.fitted == (prior == "aggregate")
    assert np.isfinite(model.score_samples(mixed_frame())).all()
    assert len(model.sample(10)) == 10


def test_samples_look_like_the_data():
    model = VAE(**{**SMALL, "max_epochs": 300, "hidden_dims": (32,)}).fit(few_columns())
    drawn = model.sample(2000)
    seen = few_columns()
    assert ((drawn.mean() - seen.mean()).abs() < 0.25 * seen.std()).all()
    assert drawn.corr().loc["alcohol", "proline"] == pytest.approx(seen.corr().loc["alcohol", "proline"], abs=0.25)


def test_a_denoising_vae_restores_what_is_hidden():
    frame = wine()
    model = DenoisingVAE(**{**SMALL, "max_epochs": 300, "hidden_dims": (32,)}).fit(frame)
    hidden = frame.assign(flavanoids=np.nan)
    made = model.reconstruct(hidden)["flavanoids"]
    assert np.corrcoef(made, frame["flavanoids"])[0, 1] > 0.7
