"""The picture of a training shows its history."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from anomalib_vae.report import training_curves


class Trained(BaseEstimator):
    """A model with a history."""

    codec_ = None

    def __init__(self, **columns):
        epochs = len(next(iter(columns.values())))
        self.history_ = pd.DataFrame(
            {"epoch": range(1, epochs + 1), "seconds": 0.1, "learning_rate": np.linspace(1, 0, epochs), **columns}
        )

    def fit(self, X):
        return self

    def __sklearn_is_fitted__(self):
        return True


def lines(axes) -> dict[str, list]:
    return {line.get_label(): list(line.get_ydata()) for line in axes.lines}


def test_losses_stand_above_the_learning_rate(of_table):
    losses, rate = training_curves(of_table).axes
    history = of_table.history_
    drawn = lines(losses)
    assert drawn["training rows"] == list(history["model_loss"])
    assert drawn["rows held out"] == list(history["validation_loss"])
    assert list(rate.lines[0].get_ydata()) == list(history["learning_rate"])
    assert list(rate.lines[0].get_xdata()) == list(history["epoch"])


def test_the_epoch_that_was_kept_is_marked():
    (losses, _) = training_curves(Trained(model_loss=[3.0, 2, 1, 0], validation_loss=[3.0, 1, 2, 2])).axes
    *_, mark = losses.lines
    assert list(mark.get_xdata()) == [2, 2]
    assert mark.get_label() == "kept: epoch 2"


def test_each_player_has_a_line():
    (losses, _) = training_curves(Trained(generator_loss=[3.0, 2.0], discriminator_loss=[1.0, 1.5])).axes
    assert lines(losses) == {"generator": [3.0, 2.0], "discriminator": [1.0, 1.5]}
    assert len({line.get_color() for line in losses.lines}) == 2
    assert [text.get_text() for text in losses.get_legend().get_texts()] == ["generator", "discriminator"]


def test_images_and_short_trainings_are_drawn_too(of_bytes):
    training_curves(of_bytes).draw_without_rendering()
    (losses, _) = training_curves(Trained(model_loss=[3.0])).axes
    assert losses.lines[0].get_marker() == "o"  # a line of one point can't be seen
    (losses, _) = training_curves(Trained(model_loss=[3.0] * 50)).axes
    assert losses.lines[0].get_marker() == "None"
