"""What SequenceVAE adds: windows, series, backbones, levels, and codes for each step or series."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from cases import SMALL
from data import LIBRARIES, mixed_frame
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import anomalib_vae
from anomalib_vae import AnomalyDetector, RecurrentVAE, SequenceVAE
from anomalib_vae.datasets import load_ambient_temperature, load_server_machine
from anomalib_vae.networks.sequence import HIDDEN_DIMS

QUICK = SMALL | {"max_epochs": 2}


def machine(rows: int = 400, sensors: int = 6) -> pd.DataFrame:
    return load_server_machine().drop(columns=["split", "label"]).iloc[:rows, :sensors]


def waves(rows: int = 600) -> pd.DataFrame:
    """Two sensors that follow one wave of 20 steps."""
    rng = np.random.default_rng(0)
    phase = 2 * np.pi * np.arange(rows) / 20
    return pd.DataFrame({"one": np.sin(phase), "other": np.cos(phase)}) + 0.05 * rng.normal(size=(rows, 2))


@pytest.mark.parametrize("backbone", HIDDEN_DIMS)
@pytest.mark.parametrize("n_levels", [1, 2])
def test_every_backbone_learns_the_shape_of_a_wave(backbone, n_levels):
    X, widths = waves(400), (8, 8) if backbone == "conv" else (16,)
    settings = {"max_epochs": 40, "learning_rate": 0.01, "beta": 0.1, "random_state": 0, "n_members": 1}
    model = SequenceVAE(
        backbone=backbone, n_levels=n_levels, hidden_dims=widths, window=20, latent_dim=4, **settings
    ).fit(X)
    error = (model.reconstruct(X) - X).to_numpy()
    assert np.sqrt((error**2).mean()) < 0.15  # a constant has .71
    broken = X.copy()
    broken.loc[300:310, "other"] = 0.0
    assert 281 <= model.score_samples(broken).argmin() < 330


@pytest.mark.parametrize("backbone", HIDDEN_DIMS)
def test_every_backbone_takes_mixed_columns_with_holes_and_is_saved(backbone, tmp_path):
    X = mixed_frame()
    widths = (8, 8) if backbone == "conv" else (8,)
    model = SequenceVAE(**QUICK | {"hidden_dims": widths}, backbone=backbone, window=7, latent_dim=3).fit(X)
    again = anomalib_vae.load(model.save(tmp_path / "m") and tmp_path / "m")
    np.testing.assert_array_equal(model.score_samples(X), again.score_samples(X))
    pd.testing.assert_frame_equal(model.reconstruct(X), again.reconstruct(X))


def test_a_window_that_breaks_the_pattern_scores_low_where_each_value_is_common():
    X = waves()
    model = SequenceVAE(window=20, latent_dim=4, max_epochs=40, random_state=0).fit(X)
    still = X.copy()
    still.iloc[300:320] = X.iloc[300].to_numpy()
    assert 281 <= model.score_samples(still).argmin() < 320


def test_the_automatic_window_is_the_period():
    assert SequenceVAE(**QUICK).fit(waves()).window_ == pytest.approx(20, abs=1)


def test_a_window_is_never_longer_than_told_and_short_series_work():
    X = machine(30)
    model = SequenceVAE(**QUICK, window=50).fit(X)
    assert model.window_ == 50
    assert np.isfinite(model.score_samples(X)).all()
    assert np.isfinite(model.score_samples(X.iloc[:1])).all()
    assert model.reconstruct(X).shape == X.shape


def test_stamps_make_gaps_and_interruptions_count():
    X = load_ambient_temperature().iloc[:400].drop(columns="label")
    with_time = SequenceVAE(**QUICK, window=12, time="timestamp").fit(X)
    assert len(with_time.score_samples(X)) == len(X)
    cut = pd.concat([X.iloc[:200], X.iloc[300:]])
    scores = with_time.score_samples(cut)
    alone = np.concatenate([with_time.score_samples(X.iloc[:200]), with_time.score_samples(X.iloc[300:])])
    np.testing.assert_allclose(scores, alone, atol=1e-9)


def test_series_do_not_touch_each_other_wherever_their_rows_lie():
    one, two = machine(200), machine(400).iloc[200:].reset_index(drop=True)
    stacked = pd.concat([one.assign(name="one"), two.assign(name="two")], ignore_index=True)
    model = SequenceVAE(**QUICK, window=10, series="name").fit(stacked)
    expected = model.score_samples(stacked)
    order = np.arange(400).reshape(2, 200).T.ravel()
    np.testing.assert_allclose(model.score_samples(stacked.iloc[order])[order.argsort()], expected, atol=1e-9)
    unseen = two.assign(name="never seen")
    np.testing.assert_allclose(model.score_samples(unseen), expected[200:], atol=1e-9)


def test_frames_come_back_aligned_and_without_the_columns_that_are_not_measured():
    X = machine(100).assign(name="m", stamp=np.arange(100.0)).set_index(np.arange(100) + 7)
    model = SequenceVAE(**QUICK, window=10, series="name", time="stamp").fit(X)
    sensors = [f"metric_{i}" for i in range(6)]
    for made in (model.reconstruct(X), model.column_scores(X)):
        assert list(made) == sensors
        assert made.index.equals(X.index)
    assert list(model.sample(23)) == sensors
    assert len(model.sample(23)) == 23


@pytest.mark.parametrize("library", LIBRARIES)
def test_stamps_and_series_of_all_libraries(library, tmp_path):
    X = mixed_frame().assign(stamp=pd.date_range("2024-01-01", periods=len(mixed_frame()), freq="min"), name="a")
    X = LIBRARIES[library](X)
    model = SequenceVAE(**QUICK, window=6, series="name", time="stamp").fit(X)
    again = anomalib_vae.load(model.save(tmp_path / "m") and tmp_path / "m")
    np.testing.assert_array_equal(model.score_samples(X), again.score_samples(X))
    assert type(again.sample(3)) is type(X)


def test_codes_of_series_tell_machines_apart():
    X = pd.concat([machine(100).assign(name=f"m{i}", metric_0=0.1 * (i % 2)) for i in range(8)], ignore_index=True)
    model = SequenceVAE(**SMALL, window=10, series="name", codes="series").fit(X)
    codes = model.transform(X)
    assert codes.shape == (8, model._n_features_out)
    kinds = np.arange(8) % 2
    assert LogisticRegression().fit(codes, kinds).score(codes, kinds) == 1.0


def test_the_code_of_a_row_decodes_to_the_row():
    X = waves()
    model = SequenceVAE(window=20, latent_dim=4, max_epochs=40, random_state=0).fit(X)
    middle = slice(20, -20)
    decoded = model.inverse_transform(model.transform(X)).to_numpy()[middle]
    assert np.sqrt(((decoded - X.to_numpy()[middle]) ** 2).mean()) < 0.25


def test_rows_held_out_for_validation_are_the_last_windows():
    model = SequenceVAE(**QUICK, window=10, validation_fraction=0.2, patience=1).fit(machine())
    assert "validation_loss" in model.history_


def test_recurrent_is_a_preset():
    assert RecurrentVAE(**QUICK, window=8).fit(machine(60)).network_.architecture.backbone == "lstm"
    assert RecurrentVAE(**QUICK, window=8, cell="gru").fit(machine(60)).network_.architecture.backbone == "gru"
    with pytest.raises(ValueError, match=r"RecurrentVAE\.cell must be one of 'lstm', 'gru'"):
        RecurrentVAE(cell="rnn").fit(machine(60))


def test_a_backbone_that_needs_hidden_layers_says_so():
    with pytest.raises(ValueError, match="must name at least one width for the backbone 'conv'"):
        SequenceVAE(backbone="conv", hidden_dims=()).fit(machine(60))


def test_in_scikit_learns_tools():
    X = machine(300)
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), SequenceVAE(**QUICK, window=8))
    assert np.isfinite(cross_val_score(pipeline, X, cv=TimeSeriesSplit(3))).all()
    search = GridSearchCV(SequenceVAE(**SMALL, window=8), {"max_epochs": [1, 30]}, cv=TimeSeriesSplit(2)).fit(X)
    assert search.best_params_ == {"max_epochs": 30}


@pytest.mark.parametrize("likelihood", ["correntropy", "student_t"])
def test_likelihoods_compose(likelihood):
    X = waves()
    model = SequenceVAE(window=20, latent_dim=4, max_epochs=30, likelihood=likelihood, random_state=0).fit(X)
    assert np.sqrt(((model.reconstruct(X) - X) ** 2).to_numpy().mean()) < 0.35


def test_labels_of_steps_are_refused_with_a_remedy():
    y = np.ones(100)
    y[3] = -1
    with pytest.raises(ValueError, match="leave the known anomalies out of X, with time="):
        AnomalyDetector(SequenceVAE(**QUICK, window=8)).fit(machine(100), y)


def test_calibration_rows_are_the_last_ones():
    X = machine(300)
    detector = AnomalyDetector(SequenceVAE(**QUICK, window=8), calibration_fraction=0.2, random_state=0).fit(X)
    np.testing.assert_array_equal(detector.calibration_scores_, detector.score_samples(X.iloc[240:]))


def test_explanations_are_of_the_sensors_and_shares_of_the_score():
    X = machine(200).assign(stamp=np.arange(200.0))
    detector = AnomalyDetector(SequenceVAE(**QUICK, window=8, time="stamp")).fit(X)
    spoiled = X.copy()
    spoiled.loc[100, "metric_3"] += 5
    explained = detector.explain(spoiled)
    assert list(explained["share"]) == [f"metric_{i}" for i in range(6)]
    assert explained["share"].loc[100].idxmin() == "metric_3"
    assert (explained["low"] <= explained["expected"]).to_numpy().all()
    assert detector.reasons(spoiled).loc[100, "reason_1"].startswith("metric_3 = ")


def test_clones_and_pickles(tmp_path):
    model = SequenceVAE(**QUICK, window=8)
    assert repr(clone(model)) == repr(model)


def test_a_sensors_scale_is_what_its_residuals_are():
    X = waves().assign(still=1.0)
    model = SequenceVAE(window=10, latent_dim=4, max_epochs=5, n_members=1, random_state=0).fit(X)
    network, batch = model.network_, model._for_network(model.codec_.encode(X)[:])
    residuals = (batch.values - network.decode(network.encode(batch))).unflatten(-1, (10, 3))
    scale = network.observation.log_scale.exp()[0, 0, :3]
    np.testing.assert_allclose(scale, residuals.square().mean((0, 1, 2)).sqrt(), rtol=0.02)


def test_far_cells_reach_the_network_within_bounds_and_the_distances_as_they_are():
    X = waves()
    codec = SequenceVAE(**QUICK, window=10).fit(X).codec_
    X.iloc[0, 0] = 300.0
    assert codec.rows(X)[:1].values[0, 0] == 20.0
    assert codec.windows(X, 10, 1)[:1].values[0, 0] > 300
    assert codec.rows(X)[:1].is_complete
