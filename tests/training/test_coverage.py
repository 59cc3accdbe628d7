"""The watch over generators: on networks that generate what they are told to."""

from __future__ import annotations

import warnings

import pytest
import torch
from runs import Means, rows, run_of

from anomalib_vae.codec.batch import Batch
from anomalib_vae.training.coverage import CoverageWatch
from anomalib_vae.training.loop import Plan, train

PLAN = Plan(max_epochs=120, batch_size=50, learning_rate=0.01)


class Generates(Means):
    """Rows like those of training, or one and the same, far away."""

    def __init__(self, *collapsed: bool):
        super().__init__(n_members=len(collapsed))
        self.collapsed = torch.tensor(collapsed)

    def generate(self, rows, generator):
        noise = torch.randn(rows // self.n_members, self.n_members, 1, generator=generator)
        return torch.where(self.collapsed[:, None], 50.0, 3 + noise).flatten(0, 1)


def watched(*collapsed: bool, plan: Plan = PLAN, targets: Batch | None = None):
    network, data = Generates(*collapsed), rows(100)
    run = run_of(network, plan, 100)
    watch = CoverageWatch(data if targets is None else targets, seed=0)
    return train(network, data, plan, torch.Generator().manual_seed(0), run, callbacks=[watch])


def looks(run) -> list[float]:
    return [epoch["coverage"] for epoch in run.history if "coverage" in epoch]


def test_ten_times_in_a_training_it_looks_and_writes_what_it_saw():
    run = watched(False)
    assert [epoch["epoch"] for epoch in run.history if "coverage" in epoch] == list(range(12, 121, 12))
    assert min(looks(run)) > 0.8


def test_of_a_collapse_it_warns_once_and_says_what_to_do():
    with pytest.warns(UserWarning, match="in epoch 60 of 120 its rows cover 0% of the training rows. Raise") as told:
        run = watched(True)
    assert len(told) == 1
    assert max(looks(run)) == 0


def test_one_collapsed_member_is_enough():
    with pytest.warns(UserWarning, match="collapsed"):
        watched(False, True)


def test_a_short_training_has_not_collapsed_yet():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = watched(True, plan=Plan(max_epochs=60, batch_size=100, learning_rate=0.01))
    assert max(looks(run)) == 0


def test_cells_that_are_missing_of_training_rows_are_missing_of_generated_ones():
    half = Batch(rows(100).values * 0.0, torch.zeros(100, 1))
    assert looks(watched(False, targets=half)) == [1.0] * 10


def test_few_rows_are_not_looked_at():
    assert looks(watched(False, targets=rows(5))) == []


def test_the_training_does_not_notice():
    network = Generates(False)
    network.train()
    watch = CoverageWatch(rows(100), seed=0)
    assert watch.look(network) == watch.look(network)
    assert network.training
