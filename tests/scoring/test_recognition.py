"""A series that was learned from is recognised, whole or in part."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.timeline import NOTHING
from anomalib_vae.scoring.recognition import UNKNOWN, Training, fingerprints

ROWS = Batch.complete(torch.from_numpy(np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)))
TRAINING = Training.of(ROWS, [np.arange(20), np.r_[20:30, NOTHING, 30:40]])


def test_equal_rows_have_equal_fingerprints_and_others_do_not():
    again = Batch.complete(ROWS.values.clone())
    np.testing.assert_array_equal(fingerprints(again), fingerprints(ROWS))
    assert len(set(fingerprints(ROWS))) == 40
    other = ROWS.values.clone()
    other[7, 2] += 1e-6
    assert (fingerprints(Batch.complete(other)) != fingerprints(ROWS)).nonzero()[0].tolist() == [7]


def test_a_missing_cell_is_not_a_zero():
    zero = Batch.complete(torch.zeros(1, 3))
    assert fingerprints(zero) != fingerprints(Batch(torch.zeros(1, 3), torch.tensor([[1.0, 1.0, 0.0]])))


@pytest.mark.parametrize(
    ("steps", "place"), [(np.arange(20), 0), (np.arange(5, 9), 5), (np.r_[28:30, NOTHING, 30:33], 28)]
)
def test_a_part_of_training_is_found(steps, place):
    assert TRAINING.places(ROWS, [steps]) == [place]


def test_a_part_with_one_other_row_is_not():
    changed = ROWS.values.clone()
    changed[7] = 0
    assert TRAINING.places(Batch.complete(changed), [np.arange(5, 9), np.arange(10, 15)]) == [UNKNOWN, 10]
    assert TRAINING.places(ROWS, [np.r_[28:30, 30:33]]) == [UNKNOWN]


def test_rows_that_are_all_the_same_are_found_at_the_first_place():
    same = Batch.complete(torch.ones(30, 2))
    assert Training.of(same, [np.arange(30)]).places(same, [np.arange(7)]) == [0]
    assert Training.of(same, [np.arange(30)]).place(np.ones(31, np.int64)) == UNKNOWN


def test_step_by_step_the_same_places_are_found():
    prints, candidates = fingerprints(ROWS), None
    for row in range(22, 26):
        candidates = TRAINING.followers(candidates, prints[row], 1)
        assert candidates.tolist() == [row]
    assert TRAINING.followers(np.array([29]), prints[30], 2).tolist() == [31]
    assert TRAINING.followers(np.array([29]), prints[30], 1).tolist() == []
    assert TRAINING.followers(np.array([39]), prints[3], 5).tolist() == []
