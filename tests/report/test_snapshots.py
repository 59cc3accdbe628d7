"""Samples are kept as a network learns, and it does not feel it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cases import MODELS, SMALL, name, one_of_each_class, quick
from data import digits, few_columns
from sklearn.base import clone

from anomalib_vae import VAE, AnomalyDetector, load
from anomalib_vae.report import SampleSnapshots, samples_over_time
from anomalib_vae.report.snapshots import at_rest
from anomalib_vae.report.tiles import colours, mosaic
from anomalib_vae.training.callbacks import Callback

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")
OF_IMAGES = [model for model in one_of_each_class(MODELS) if model.takes_images]
SHAKEN = VAE(**SMALL, dropout=0.2, validation_fraction=0.2)


@pytest.mark.parametrize("model", [*OF_IMAGES, SHAKEN], ids=name)
def test_the_training_is_the_same_with_and_without(model):
    plain, watched = quick(model, 3), quick(model, 3).set_params(callbacks=(SampleSnapshots(3, every=1),))
    weights = [m.fit(digits()).network_.state_dict() for m in (plain, watched)]
    assert weights[0].keys() == weights[1].keys()
    for key, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][key], rtol=0, atol=0)
    (snapshots,) = watched.callbacks
    assert min(snapshots.moments) == 0
    assert max(snapshots.moments) == plain.n_iter_
    for kept in snapshots.moments.values():
        assert kept.shape == (3, 64)
        assert np.isfinite(kept).all()


def test_each_part_of_a_network_is_left_in_its_mode():
    network = quick(VAE(**SMALL)).fit(digits()).network_
    network.train()
    network.decoder.eval()
    before = [part.training for part in network.modules()]
    with at_rest(network):
        assert not any(part.training for part in network.modules())
    assert [part.training for part in network.modules()] == before
    assert len(set(before)) == 2


def test_moments_are_the_start_every_so_many_epochs_and_the_end():
    def moments(epochs, every, *others):
        snapshots = SampleSnapshots(2, every)
        VAE(**SMALL | {"max_epochs": epochs}, callbacks=(*others, snapshots)).fit(few_columns())
        return list(snapshots.moments)

    class Stopper(Callback):
        def on_epoch_end(self, run):
            run.stop = run.epoch == 5

    assert moments(7, 3) == [0, 3, 6, 7]
    assert moments(2, None) == [0, 1, 2]
    assert moments(21, None) == [0, 3, 6, 9, 12, 15, 18, 21]
    assert moments(40, 3, Stopper()) == [0, 3, 5]


def test_samples_are_of_the_same_codes_at_each_moment():
    snapshots = SampleSnapshots(6, every=1)
    model = VAE(**SMALL, learning_rate=1e-12, callbacks=(snapshots,))
    quick(model, 2).set_params(callbacks=(snapshots,)).fit(digits())
    np.testing.assert_allclose(snapshots.moments[0], snapshots.moments[2], atol=1e-6)
    other = SampleSnapshots(6, every=1, seed=1)
    quick(model, 1).set_params(callbacks=(other,)).fit(digits())
    assert not np.allclose(other.moments[0], snapshots.moments[0], atol=1e-3)


def test_a_second_fit_forgets_the_first():
    snapshots = SampleSnapshots(2, every=1)
    model = VAE(**SMALL | {"max_epochs": 4}, callbacks=(snapshots,)).fit(digits())
    model.set_params(max_epochs=2).fit(digits())
    assert list(snapshots.moments) == [0, 1, 2]


# ------------------------------------------------------------------ the picture
def test_a_row_for_each_moment_and_a_column_for_each_sample(of_bytes):
    (snapshots,) = of_bytes.callbacks
    figure = samples_over_time(of_bytes)
    expected = [colours(of_bytes.codec_, of_bytes.codec_.decode(snapshots.moments[epoch])) for epoch in (0, 2, 4, 6)]
    sheet = np.asarray(figure.axes[0].images[0].get_array())
    np.testing.assert_allclose(sheet, mosaic(np.stack(expected)))
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == ["untrained", "epoch 2", "epoch 4", "epoch 6"]


def test_more_than_fit_are_thinned():
    model = VAE(**SMALL, callbacks=(SampleSnapshots(40, every=1),)).fit(digits())
    figure = samples_over_time(model)
    assert np.asarray(figure.axes[0].images[0].get_array()).shape == (16 * 9 - 1, 16 * 9 - 1, 3)
    assert figure.axes[0].get_xlabel() == "16 of 21 moments, 16 of 40 samples"


def test_a_role_has_the_snapshots_of_its_model(of_bytes):
    detector = AnomalyDetector(quick(VAE(**SMALL, callbacks=(SampleSnapshots(2, every=1),)))).fit(digits())
    names = [text.get_text() for text in samples_over_time(detector).axes[0].get_yticklabels()]
    assert names == ["untrained", "epoch 1", "epoch 2"]


def test_a_loaded_model_is_given_its_snapshots(of_bytes, tmp_path):
    of_bytes.save(tmp_path)
    loaded = load(tmp_path)
    with pytest.raises(ValueError, match=r"kept no samples of its training: fit it with callbacks=\(SampleSnapshots"):
        samples_over_time(loaded)
    sheets = [
        samples_over_time(model, of_bytes.callbacks[0]).axes[0].images[0].get_array() for model in (loaded, of_bytes)
    ]
    np.testing.assert_array_equal(*sheets)


def test_snapshots_that_heard_nothing_and_bad_parameters_are_refused(of_bytes):
    with pytest.raises(ValueError, match="hold no moment"):
        samples_over_time(of_bytes, SampleSnapshots())
    with pytest.raises(ValueError, match="n_samples must be a whole number, at least 1"):
        SampleSnapshots(0)
    with pytest.raises(ValueError, match="every must be a whole number, at least 1"):
        SampleSnapshots(every=0)
    assert clone(VAE(callbacks=(SampleSnapshots(7),))).callbacks[0].n_samples == 7
