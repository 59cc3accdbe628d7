"""What a GAN learns of small real data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from cases import SMALL
from data import digits
from sklearn.metrics import roc_auc_score

from anomalib_vae import GAN, AnomalyDetector

SETTINGS = SMALL | {"n_members": 1, "max_epochs": 300, "learning_rate": 0.01}


@pytest.fixture(scope="module")
def of_agreeing_columns():
    """The two columns of labels always agree, and the number depends on them."""
    frame = pd.DataFrame({"one": ["a", "b"] * 80, "other": ["x", "y"] * 80, "number": [0.0, 10.0] * 80})
    frame["number"] += np.random.default_rng(0).normal(size=len(frame))
    return frame, GAN(**SETTINGS).fit(frame)


def test_generated_rows_have_the_columns_dependence(of_agreeing_columns):
    _, model = of_agreeing_columns
    made = model.sample(400)
    agree = (made["one"] == "a") == (made["other"] == "x")
    assert agree.mean() > 0.9
    assert made.groupby("one")["number"].mean()["b"] - made.groupby("one")["number"].mean()["a"] > 7
    assert 0.2 < (made["one"] == "a").mean() < 0.8


def test_the_history_has_both_players_and_the_coverage(of_agreeing_columns):
    _, model = of_agreeing_columns
    assert {"critic_loss", "generator_loss", "coverage"} <= set(model.history_)
    assert model.history_["coverage"].dropna().iloc[-1] > 0.3


def test_the_encoder_finds_codes_that_give_rows_back(of_agreeing_columns):
    frame, model = of_agreeing_columns
    assert (model.reconstruct(frame)["one"] == frame["one"]).mean() > 0.9


def test_a_critic_that_overruns_the_generator_is_told():
    with pytest.warns(UserWarning, match="the generator has collapsed"):
        GAN(**SETTINGS | {"max_epochs": 60}, gradient_penalty=0.0, averaging=0.0).fit(digits())


def test_it_scores_noise_below_digits():
    fitted = AnomalyDetector(GAN(**SETTINGS | {"max_epochs": 100}), neighbour_weight=0, random_state=0).fit(
        digits()[:120]
    )
    noise, others = np.random.default_rng(0).random((30, 8, 8)), digits()[120:]
    is_digit = np.repeat([0, 1], [len(noise), len(others)])
    assert roc_auc_score(is_digit, fitted.score_samples(np.concatenate([noise, others]))) > 0.98
