"""Callbacks hear of every event and can stop, watch and save a training."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from cases import SMALL, quick
from data import few_columns
from runs import PLAN, Means, Recorder, trained

from anomalib_vae import VAE, load
from anomalib_vae.training.callbacks import Callback, ProgressBar, StopAfter
from anomalib_vae.training.checkpoint import Checkpoint

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")


def test_callbacks_hear_all_events_in_order():
    recorder = Recorder()
    trained(Means(), PLAN, callbacks=[recorder])
    batch = ["on_batch_begin", "on_batch_end"]
    epoch = ["on_epoch_begin", *(3 * batch), "on_epoch_end"]  # 10 rows in batches of 4
    assert recorder.heard == ["on_fit_begin", *(3 * epoch), "on_fit_end"]


def test_a_run_tells_where_it_stands():
    seen = []

    class Watcher(Callback):
        def on_batch_end(self, run):
            seen.append((run.epoch, run.step, run.progress))

        def on_epoch_end(self, run):
            assert run.history[-1]["epoch"] == run.epoch
            assert run.history[-1]["seconds"] >= 0

    run = trained(Means(), PLAN, callbacks=[Watcher()])
    assert [step for _, step, _ in seen] == list(range(1, 10))
    assert [epoch for epoch, _, _ in seen] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert [progress for _, _, progress in seen] == pytest.approx(np.arange(1, 10) / 9)
    assert (run.epoch, run.step, run.progress) == (3, 9, 1.0)


def test_a_models_callbacks_know_its_parameters():
    heard = {}

    class Asker(Callback):
        def on_fit_begin(self, run):
            heard.update(run.parameters)

    quick(VAE(**SMALL, beta=0.7, callbacks=(Asker(),))).fit(few_columns())
    assert heard["model"] == "VAE"
    assert heard["beta"] == 0.7


def test_a_callback_can_stop_the_run():
    class Stopper(Callback):
        def on_epoch_end(self, run):
            run.stop = run.epoch == 2

    assert trained(Means(), dataclasses.replace(PLAN, max_epochs=50), callbacks=[Stopper()]).epoch == 2


def test_an_exception_in_a_callback_ends_the_fit_and_the_others_hear_of_the_end():
    class Broken(Callback):
        def on_epoch_end(self, run):
            raise RuntimeError("disk full")

    recorder = Recorder()
    with pytest.raises(RuntimeError, match="disk full"):
        trained(Means(), PLAN, callbacks=[Broken(), recorder])
    assert recorder.heard[-1] == "on_fit_end"


def test_stop_after_some_time_ends_the_training_and_keeps_what_was_learned():
    model = VAE(**{**SMALL, "max_epochs": 10_000}, callbacks=(StopAfter(0.0),)).fit(few_columns())
    assert model.n_iter_ == 1
    assert np.isfinite(model.score_samples(few_columns())).all()
    assert quick(VAE(**SMALL, callbacks=(StopAfter(3600.0),)), 3).fit(few_columns()).n_iter_ == 3


def test_checkpoints_can_be_loaded_while_the_training_goes_on(tmp_path):
    loaded = {}

    class Reader(Callback):
        def on_epoch_end(self, run):
            if (tmp_path / "kept").exists():
                loaded[run.epoch] = load(tmp_path / "kept").score_samples(few_columns())

    model = VAE(**{**SMALL, "max_epochs": 5}, callbacks=(Checkpoint(tmp_path / "kept", every=2), Reader()))
    model.fit(few_columns())
    assert list(loaded) == [2, 3, 4, 5]
    assert np.isfinite(list(loaded.values())).all()
    np.testing.assert_array_equal(loaded[2], loaded[3])
    assert not np.array_equal(loaded[3], loaded[4])


def test_a_checkpoint_is_written_at_the_end(tmp_path):
    quick(VAE(**SMALL, prior="normal", callbacks=(Checkpoint(tmp_path, every=100),))).fit(few_columns())
    assert np.isfinite(load(tmp_path).score_samples(few_columns())).all()


def test_a_crash_leaves_the_last_checkpoint(tmp_path):
    class Crash(Callback):
        def on_epoch_end(self, run):
            if run.epoch == 3:
                raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        quick(VAE(**SMALL, callbacks=(Checkpoint(tmp_path, every=2), Crash())), 9).fit(few_columns())
    assert np.isfinite(load(tmp_path).score_samples(few_columns())).all()


def test_checkpoints_do_not_change_what_is_learned(tmp_path):
    plain = quick(VAE(**SMALL), 4).fit(few_columns())
    kept = quick(VAE(**SMALL, callbacks=(Checkpoint(tmp_path, every=1),)), 4).fit(few_columns())
    np.testing.assert_array_equal(plain.score_samples(few_columns()), kept.score_samples(few_columns()))
    pd.testing.assert_frame_equal(plain.history_.drop(columns="seconds"), kept.history_.drop(columns="seconds"))


def test_the_progress_bar_shows_nothing_when_no_terminal_is_watching(capfd):
    quick(VAE(**SMALL)).fit(few_columns())
    trained(Means(), PLAN, callbacks=[ProgressBar()])
    assert capfd.readouterr() == ("", "")


def test_the_progress_bar_shows_epochs_and_losses_when_asked(capfd):
    quick(VAE(**SMALL, verbose=True), 3).fit(few_columns())
    out, err = capfd.readouterr()
    assert out == ""
    assert "VAE" in err
    assert "3/3" in err
    assert "model_loss" in err
