"""From scores to thresholds: by a share, by a fence, by costs, and by a number of rows."""

from __future__ import annotations

import numpy as np
import pytest
from data import wine

from anomalib_vae.scoring import conformal, thresholds

NONE = np.empty(0)
TRAINING = wine()["proline"].to_numpy(float)
CALIBRATION = wine()["alcohol"].to_numpy(float)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_a_share_of_the_training_scores_is_below(share):
    offset = thresholds.of_contamination(share, TRAINING, NONE)
    assert np.mean(offset > TRAINING) == pytest.approx(share, abs=0.5 / len(TRAINING) + 0.002)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_a_share_of_calibration_scores_is_that_of_their_p_values(share):
    offset = thresholds.of_contamination(share, TRAINING, CALIBRATION)
    small = conformal.pvalues(CALIBRATION - 0.001, CALIBRATION) <= share
    np.testing.assert_array_equal(offset + 0.001 > CALIBRATION, small)


def test_the_fence_is_the_calibration_scores_own_where_there_are_any():
    scores = np.array([0.0, 10.0, 20.0, 30.0, 40.0])
    assert thresholds.of_contamination("auto", scores, NONE) == pytest.approx(10 - 3 * 20)
    assert thresholds.of_contamination("auto", TRAINING, scores) == pytest.approx(10 - 3 * 20)


def test_clean_rows_are_none_of_them_below():
    for training, calibration in ((TRAINING, NONE), (TRAINING, CALIBRATION), (CALIBRATION, TRAINING)):
        offset = thresholds.of_contamination(0, training, calibration)
        both = np.concatenate([training, calibration])
        assert offset < both.min()
        assert offset == pytest.approx(both.min())


@pytest.mark.parametrize("contamination", [0, 0.1, "auto"])
def test_a_row_at_the_threshold_stays_normal_whatever_the_rounding(contamination):
    scores = np.full(50, -1234.5)
    offset = thresholds.of_contamination(contamination, scores, NONE)
    assert (scores * (1 + 1e-13) >= offset).all()


# ---------------------------------------------------------------------- costs
def cost(scores, y, offset, missed, false_alarm) -> float:
    return missed * np.sum((y == -1) & (scores >= offset)) + false_alarm * np.sum((y == 1) & (scores < offset))


@pytest.mark.parametrize(("missed", "false_alarm"), [(1, 1), (100, 1), (1, 7.5), (1, 0), (0, 1)])
def test_no_threshold_is_cheaper(missed, false_alarm):
    """Against each threshold between two scores and beyond them, with ties between the two kinds of row."""
    random = np.random.default_rng(0)
    for _ in range(40):
        y = np.where(random.random(30) < 0.3, -1, 1)
        y[:2] = 1, -1
        scores = np.round(random.normal(size=30) + y, 1)
        offset = thresholds.cheapest(scores, y, missed=missed, false_alarm=false_alarm)
        least = min(cost(scores, y, other, missed, false_alarm) for other in np.arange(-6.05, 6, 0.1))
        assert cost(scores, y, offset, missed, false_alarm) == least


def test_costs_move_the_threshold_and_it_lies_halfway():
    scores, y = np.array([1.0, 2.0, 4.0, 6.0, 8.0]), np.array([-1, 1, -1, 1, 1])
    assert thresholds.cheapest(scores, y, missed=1, false_alarm=3) == 1.5
    assert thresholds.cheapest(scores, y, missed=3, false_alarm=1) == 5.0
    assert thresholds.cheapest(scores, y, missed=1, false_alarm=1) == 1.5  # of two that cost 1, the lower


def test_calling_none_or_all_can_be_cheapest():
    scores, y = np.array([1.0, 2.0]), np.array([1, -1])
    assert 0.9 < thresholds.cheapest(scores, y, missed=1, false_alarm=2) < 1
    assert 2 < thresholds.cheapest(scores, y, missed=2, false_alarm=1) < 2.1


def test_rounding_is_no_room_for_a_threshold():
    scores, y = np.array([3.0, 3.0 + 1e-13, 5.0]), np.array([-1, 1, 1])
    assert thresholds.cheapest(scores, y, missed=2, false_alarm=1) == pytest.approx(4)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 1, 1], r"y must be 1 for a normal row and -1 for an anomaly, got 0: np.where\(is_anomaly, -1, 1\)"),
        ([True, False, True], "got False"),
        (["1", "-1", "1"], "got '1'"),
        ([1, -1, np.nan], "got nan"),
        ([1, -1], r"y must hold a label for each of the 3 rows of X, got the shape \(2,\)"),
        ([[1], [-1], [1]], r"got the shape \(3, 1\)"),
        ([1, 1, 1], "y holds 1 only: .* needs normal rows and anomalies"),
        ([-1, -1, -1], "y holds -1 only"),
    ],
)
def test_labels_that_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        thresholds.cheapest(np.arange(3.0), y, missed=1, false_alarm=1)


@pytest.mark.parametrize(
    ("missed", "false_alarm", "error", "message"),
    [
        (-1, 1, ValueError, "missed must be at least 0, got -1"),
        (1, -0.5, ValueError, "false_alarm must be at least 0, got -0.5"),
        (1, float("nan"), ValueError, "false_alarm must be at least 0, got nan"),
        (float("inf"), 1, ValueError, "missed must be below inf"),
        (0, 0, ValueError, "missed and false_alarm are both 0"),
        ("5", 1, TypeError, "missed must be a number"),
    ],
)
def test_costs_that_are_refused(missed, false_alarm, error, message):
    with pytest.raises(error, match=message):
        thresholds.cheapest(np.arange(2.0), [1, -1], missed=missed, false_alarm=false_alarm)


# ---------------------------------------------------------------------- a number of rows
ALL = {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    ("budget", "rows"), [(1, {1}), (2, {1, 3}), (3, {1, 3, 4}), (4, {0, 1, 3, 4}), (5, ALL), (99, ALL)]
)
def test_the_lowest_rows_are_chosen_and_of_equal_ones_the_first(budget, rows):
    chosen = thresholds.lowest(np.array([7.0, 2.0, 7.0, 2.0, 2.0]), budget)
    assert set(np.flatnonzero(chosen)) == rows


def test_many_equal_rows_are_chosen_in_their_order():
    scores = np.random.default_rng(0).integers(0, 3, size=500).astype(float)
    first = sorted(range(500), key=lambda row: (scores[row], row))[:250]
    assert set(np.flatnonzero(thresholds.lowest(scores, 250))) == set(first)


@pytest.mark.parametrize(
    ("budget", "error"), [(0, ValueError), (-3, ValueError), (2.0, TypeError), ("2", TypeError), (True, TypeError)]
)
def test_budgets_that_are_refused(budget, error):
    with pytest.raises(error, match=r"budget must be (at least 1|an integer)"):
        thresholds.lowest(np.arange(3.0), budget)
