"""Models of rows given their labels: the class asked for is the class that comes."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from cases import SMALL, quick
from data import few_columns, mixed_frame, with_holes
from sklearn.datasets import load_digits, load_wine
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold

import anomalib_vae
from anomalib_vae import AnomalyDetector, ConditionalVAE, VAEImputer

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")

IMAGES, DIGITS = load_digits().images[:500] / 16.0, load_digits().target[:500]
LEARNED = SMALL | {"hidden_dims": (32,), "n_members": 1, "max_epochs": 40, "learning_rate": 0.01}


def unknown(y, share: float) -> np.ndarray:
    """The labels, of which such a share is not known."""
    return np.where(np.random.default_rng(0).random(len(y)) < share, np.nan, y)


@cache
def of_digits(unknown_share: float) -> ConditionalVAE:
    return ConditionalVAE(**LEARNED).fit(IMAGES, unknown(DIGITS, unknown_share))


def seen_in(images) -> np.ndarray:
    """The digits that a logistic regression sees."""
    judge = LogisticRegression(C=0.1).fit(load_digits().data / 16.0, load_digits().target)
    return judge.predict(images.reshape(len(images), -1))


def cultivars() -> np.ndarray:
    """The cultivar of each wine of `few_columns`, as a string."""
    return np.array(["barbera", "grignolino", "barolo"])[load_wine().target]


@cache
def of_wines() -> ConditionalVAE:
    return ConditionalVAE(**SMALL | {"max_epochs": 150}).fit(few_columns(), cultivars())


# ------------------------------------------------------------------ samples
@pytest.mark.parametrize("unknown_share", [0.0, 0.8])
def test_the_digit_asked_for_is_the_digit_that_comes(unknown_share):
    wanted = np.repeat(np.arange(10), 40)
    drawn = of_digits(unknown_share).sample(len(wanted), y=wanted)
    assert (seen_in(drawn) == wanted).mean() > 0.75


def test_samples_of_one_label_are_those_of_this_label_among_many():
    model = of_digits(0.0)
    np.testing.assert_array_equal(model.sample(3, y=7), model.sample(3, y=[7, 7, 7]))
    np.testing.assert_array_equal(model.sample(3, y=[7, 1, 7])[::2], model.sample(3, y=7)[::2])
    assert not np.array_equal(model.sample(3, y=7), model.sample(3, y=1))
    np.testing.assert_array_equal(model.sample(9), model.sample(9, y=None))


def test_samples_of_a_label_are_like_the_rows_with_it():
    frame, y = few_columns(), cultivars()
    for label in np.unique(y):
        drawn = of_wines().sample(1000, y=label)
        assert ((drawn.mean() - frame[y == label].mean()).abs() < 0.5 * frame.std()).all()


def test_samples_without_a_label_have_all_in_their_shares():
    drawn, frame = of_wines().sample(3000), few_columns()
    assert ((drawn.mean() - frame.mean()).abs() < 0.25 * frame.std()).all()


# ------------------------------------------------------------------ scores and codes
def test_a_score_without_labels_is_the_log_sum_over_the_classes():
    model, rows = of_digits(0.0), IMAGES[:60]
    given = np.stack([model.score_samples(rows, [label] * len(rows)) for label in model.classes_], 1)
    marginal = np.logaddexp.reduce(given + np.log(model.class_shares), axis=1)
    np.testing.assert_allclose(model.score_samples(rows), marginal, atol=1e-6)
    assert (given.argmax(1) == DIGITS[:60]).mean() > 0.8
    some = model.score_samples(rows, [*DIGITS[:30], *[None] * 30])
    np.testing.assert_allclose(some[:30], given[np.arange(30), DIGITS[:30]])
    np.testing.assert_allclose(some[30:], marginal[30:], atol=1e-6)
    assert model.score(rows, DIGITS[:60]) == pytest.approx(given[np.arange(60), DIGITS[:60]].mean())


def test_a_code_holds_the_probabilities_of_the_classes():
    model = of_digits(0.0)
    codes = model.transform(IMAGES)
    probability = codes[:, -10:]
    np.testing.assert_allclose(probability.sum(1), 1.0)
    np.testing.assert_allclose(probability, model.predict_proba(IMAGES))
    assert (model.predict(IMAGES) == DIGITS).mean() > 0.95
    np.testing.assert_allclose(model.inverse_transform(codes), model.reconstruct(IMAGES))


def test_a_code_of_another_class_is_the_row_in_that_class():
    model = of_digits(0.0)
    codes = model.transform(IMAGES[DIGITS == 1])
    codes[:, -10:] = np.eye(10)[0]
    zeros = model.inverse_transform(codes)
    assert (seen_in(zeros) == 0).mean() > 0.6


def test_unlabelled_rows_are_learned_from():
    """The score of rows of a kind that has no label is that of rows which were seen."""
    y = np.where(cultivars() == "barbera", None, cultivars())
    known = y != np.array(None)
    model = ConditionalVAE(**SMALL | {"max_epochs": 60}).fit(few_columns(), y)
    without = ConditionalVAE(**SMALL | {"max_epochs": 60}).fit(few_columns()[known], y[known])
    unlabelled = few_columns()[~known]
    assert model.score(unlabelled) > without.score(unlabelled) + 1.0


# ------------------------------------------------------------------ contract
@pytest.mark.parametrize(
    "y", [cultivars(), load_wine().target, cultivars() == "barolo", unknown(load_wine().target, 0.3)]
)
def test_a_saved_model_knows_its_labels(y, tmp_path):
    frame = few_columns()
    model = quick(ConditionalVAE(**SMALL)).fit(frame, y)
    again = anomalib_vae.load(model.save(tmp_path) and tmp_path)
    np.testing.assert_array_equal(again.classes_, model.classes_)
    assert again.classes_.dtype == model.classes_.dtype
    np.testing.assert_array_equal(again.score_samples(frame, y), model.score_samples(frame, y))
    label = model.classes_[-1]
    pd.testing.assert_frame_equal(again.sample(5, y=label), model.sample(5, y=label))
    np.testing.assert_array_equal(again.predict(frame), model.predict(frame))


def test_a_label_of_each_row_is_required():
    with pytest.raises(ValueError, match=r"ConditionalVAE requires y to be passed.*give fit a label for each row"):
        ConditionalVAE().fit(few_columns())
    with pytest.raises(ValueError, match="y must hold a label for each of 178 rows"):
        ConditionalVAE(**SMALL).fit(few_columns(), cultivars()[:-1])


@pytest.mark.parametrize("y", ["merlot", ["barolo", "merlot"], [None, 3]])
def test_a_label_that_was_not_in_training_is_refused(y):
    with pytest.raises(ValueError, match=r"not in training: .*'barbera', 'barolo', 'grignolino'"):
        of_wines().sample(2, y=y)
    with pytest.raises(ValueError, match="not in training"):
        of_wines().score_samples(few_columns()[:2], [y, y] if isinstance(y, str) else y)
    with pytest.raises(ValueError, match=r"each of 4 rows"):
        of_wines().sample(4, y=["barolo"])


@pytest.mark.parametrize(
    "options",
    [
        {"importance_samples": 3, "dropout": 0.1},
        {"free_bits": 0.1, "warmup": 0.5, "corruption": "mask", "seen_weight": 0.5},
        {"hidden_dims": (), "n_bins": 4, "likelihood": "student_t", "validation_fraction": 0.2, "patience": 2},
    ],
)
def test_works_on_mixed_columns_with_gaps_and_unknown_labels(options):
    frame, y = mixed_frame(), np.array([None, "a", "b", "c", "b"] * 30)
    model = quick(ConditionalVAE(**SMALL | options)).fit(frame, y)
    assert np.isfinite(model.score_samples(frame)).all()
    assert np.isfinite(model.score_samples(frame, y)).all()
    assert np.isfinite(model.history_.filter(like="loss")).all(axis=None)
    assert model.sample(4, y="c").dtypes.equals(frame.dtypes)
    reversed_ = model.score_samples(frame[::-1], y[::-1])[::-1]
    np.testing.assert_allclose(reversed_, model.score_samples(frame, y), atol=1e-6)


def test_a_collapsed_posterior_is_seen_beside_labels():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 3)), columns=list("abc"))
    with pytest.warns(UserWarning, match="posterior collapse"):
        model = ConditionalVAE(**SMALL | {"max_epochs": 60}, beta=20.0).fit(frame, np.arange(300) % 2)
    assert model.active_units_ == 0


# ------------------------------------------------------------------ roles and tools
def test_a_role_takes_a_model_that_is_fitted_and_says_so():
    frame = few_columns()
    for role in (AnomalyDetector, VAEImputer):
        with pytest.raises(ValueError, match=r"FrozenEstimator\(ConditionalVAE\(\)\.fit\(X, y\)\)"):
            role(ConditionalVAE(**SMALL)).fit(frame, cultivars() if role is VAEImputer else None)
    with pytest.raises(ValueError, match="requires y"):
        AnomalyDetector(ConditionalVAE(**SMALL)).fit(frame, np.where(np.arange(len(frame)) < 5, -1, 1))


def test_a_fitted_model_serves_both_roles():
    frame = few_columns()
    detector = AnomalyDetector(FrozenEstimator(of_wines()), neighbour_weight=0).fit(frame)
    np.testing.assert_array_equal(detector.score_samples(frame), of_wines().score_samples(frame))
    near_the_rows = AnomalyDetector(FrozenEstimator(of_wines()), contamination=0.1).fit(frame)
    assert (near_the_rows.predict(frame) == -1).mean() == pytest.approx(0.1, abs=0.02)
    holes = with_holes(frame)
    filled = VAEImputer(FrozenEstimator(of_wines())).fit(holes).transform(holes)
    assert not filled.isna().any(axis=None)


def test_a_search_can_choose_by_accuracy_and_by_score():
    for scoring in ("accuracy", None):
        search = GridSearchCV(ConditionalVAE(**SMALL), {"max_epochs": [1, 30]}, cv=StratifiedKFold(2), scoring=scoring)
        assert search.fit(few_columns(), cultivars()).best_params_ == {"max_epochs": 30}
