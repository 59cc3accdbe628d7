"""The one training loop, on networks of a single number where that is enough."""

from __future__ import annotations

import dataclasses
import math
import re
import warnings

import numpy as np
import pytest
import torch
from cases import SMALL, quick
from data import few_columns
from runs import EVENTS, PLAN, Means, Recorder, rows, trained
from torch import nn

from anomalib_vae import VAE
from anomalib_vae.codec.batch import Batch
from anomalib_vae.losses.gaussian import Gaussian
from anomalib_vae.networks.network import Player
from anomalib_vae.training.callbacks import Callback
from anomalib_vae.training.loop import Plan, TrainingDiverged, batches, clip_members

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")


# ------------------------------------------------------------------ batches and players
@pytest.mark.parametrize(("n", "size"), [(10, 4), (10, 10), (10, 3), (10, 1), (7, 100), (2, 2), (1, 1)])
def test_batches_pass_over_every_row_once_an_epoch_for_each_member(n, size):
    parts = batches(n, size, 3, torch.Generator().manual_seed(0))
    assert len(parts) == math.ceil(n / min(size, n))
    assert {part.shape for part in parts} == {(3, min(size, n))}
    order = torch.cat(parts, 1)[:, :n]
    assert torch.equal(order.sort(1).values, torch.arange(n).expand(3, -1))


def test_members_see_the_rows_in_orders_of_their_own_and_anew_each_epoch():
    generator = torch.Generator().manual_seed(0)
    one, other = (torch.cat(batches(100, 100, 2, generator), 1) for _ in range(2))
    assert not torch.equal(one[0], one[1])
    assert not torch.equal(one, other)


def test_every_player_minimises_its_own_loss():
    network = Means()
    run = trained(network, Plan(max_epochs=200, batch_size=10, learning_rate=0.3))
    expected = rows().values.mean()
    for player in (network.first, network.second):
        torch.testing.assert_close(player.detach(), expected.expand(2, 1, 1), atol=1e-2, rtol=0)
    assert {"first_loss", "second_loss"} <= run.history[-1].keys()
    assert run.history[0]["second_loss"] > run.history[0]["first_loss"]


class Rivals(Means):
    """The second player's loss depends on the first one's parameter, and learns more slowly."""

    def players(self):
        return {"first": Player([self.first]), "second": Player([self.second], pace=0.0)}

    def loss(self, player, batch, step):
        return super().loss(player, batch, step) - (50 * self.first.sum((1, 2)) if player == "second" else 0)

    def after_step(self, step):
        self.moved = [*getattr(self, "moved", []), step.progress]


def test_a_players_loss_moves_that_player_alone_at_its_own_pace():
    network, plan = Rivals(), Plan(max_epochs=200, batch_size=10, learning_rate=0.3)
    trained(network, plan)
    torch.testing.assert_close(network.first.detach(), rows().values.mean().expand(2, 1, 1), atol=1e-2, rtol=0)
    assert (network.second == 9.0).all()
    assert network.moved == pytest.approx([step / plan.max_epochs for step in range(plan.max_epochs)])


def test_clipping_holds_each_member_to_the_norm_on_its_own():
    parameters = [nn.Parameter(torch.zeros(2, 3)), nn.Parameter(torch.zeros(2, 1, 2)), nn.Parameter(torch.zeros(2, 1))]
    parameters[0].grad = torch.tensor([[3.0, 0.0, 0.0], [0.3, 0.0, 0.0]])
    parameters[1].grad = torch.tensor([[[0.0, 4.0]], [[0.0, 0.4]]])
    clip_members(parameters, 1.0)
    torch.testing.assert_close(parameters[0].grad, torch.tensor([[0.6, 0.0, 0.0], [0.3, 0.0, 0.0]]))
    torch.testing.assert_close(parameters[1].grad, torch.tensor([[[0.0, 0.8]], [[0.0, 0.4]]]))
    assert parameters[2].grad is None


def test_clipping_leaves_zero_gradients_zero():
    parameter = nn.Parameter(torch.zeros(2, 3))
    parameter.grad = torch.zeros(2, 3)
    clip_members([parameter], 1.0)
    assert torch.equal(parameter.grad, torch.zeros(2, 3))


def test_the_learning_rate_warms_up_and_cools_down():
    plan = Plan(max_epochs=1, batch_size=1, learning_rate=0.5, warmup=0.2)
    assert plan.rate(0.0) == 0
    assert plan.rate(0.1) == pytest.approx(0.25)
    assert plan.rate(0.2) == pytest.approx(0.5)
    assert plan.rate(0.6) == pytest.approx(0.25)
    assert plan.rate(1.0) == pytest.approx(0.0)


# ------------------------------------------------------------------ held-out rows
def test_the_best_state_is_kept():
    """Trained away from the held-out rows, the first epoch is the best one."""
    network, held_out = Means(), Batch(torch.full((2, 5, 1), -1.0), torch.ones(2, 5, 1))
    states = []

    class Keeper(Callback):
        def on_epoch_end(self, run):
            states.append(float(run.network.first[0].detach()))

    run = trained(network, PLAN, held_out=held_out, callbacks=[Keeper()])
    assert states[0] < states[1] < states[2]
    assert float(network.first[0].detach()) == states[0]
    assert [epoch["validation_loss"] for epoch in run.history] == sorted(e["validation_loss"] for e in run.history)


@pytest.mark.parametrize(("patience", "epochs"), [(1, 2), (4, 5), (None, 30)])
def test_patience_ends_a_training_that_gets_no_better(patience, epochs):
    held_out = Batch(torch.full((2, 5, 1), -1.0), torch.ones(2, 5, 1))
    run = trained(Means(), dataclasses.replace(PLAN, max_epochs=30, patience=patience), held_out=held_out)
    assert run.epoch == epochs


def test_patience_waits_while_it_gets_better():
    held_out = rows(seed=1).for_members(2)
    run = trained(Means(), Plan(max_epochs=20, batch_size=10, learning_rate=0.01, patience=1), held_out=held_out)
    assert run.epoch == 20


def test_without_held_out_rows_the_last_state_is_kept():
    network = Means()
    assert "validation_loss" not in trained(network, PLAN).history[-1]
    assert float(network.first[0].detach()) > 0


def test_a_model_stops_early_and_keeps_its_best_epoch():
    frame = few_columns().head(60)
    model = VAE(**{**SMALL, "max_epochs": 500}, learning_rate=0.03, validation_fraction=0.3, patience=10).fit(frame)
    losses = model.history_["validation_loss"]
    assert model.n_iter_ < 500
    assert losses.idxmin() == len(losses) - 1 - 10


@pytest.mark.parametrize("fraction", [0.001, 0.5, 0.999])
def test_validation_always_leaves_rows_on_both_sides(fraction):
    model = quick(VAE(**SMALL, validation_fraction=fraction)).fit(few_columns())
    assert np.isfinite(model.history_[["model_loss", "validation_loss"]]).all(axis=None)


# ------------------------------------------------------------------ when it goes wrong
def test_a_training_that_diverges_names_the_column():
    @dataclasses.dataclass(frozen=True)
    class Poisonous(Gaussian):
        """Not a number in the second numeric column."""

        def log_prob(self, values, location, log_scale):
            poison = torch.zeros(values.shape[-1], dtype=values.dtype)
            poison[1] = math.nan
            return super().log_prob(values, location, log_scale) + poison

    with pytest.raises(TrainingDiverged, match=r"became nan in epoch 1.*'malic_acid'.*lower learning_rate"):
        VAE(**SMALL, likelihood=Poisonous()).fit(few_columns())


def test_an_absurd_learning_rate_diverges_or_trains_but_never_gives_nan():
    try:
        model = VAE(**SMALL, learning_rate=1e30).fit(few_columns())
    except TrainingDiverged as error:
        assert re.search("'(alcohol|malic_acid|flavanoids|proline)'", str(error))  # noqa: PT017
    else:
        assert np.isfinite(model.score_samples(few_columns())).all()


@pytest.mark.parametrize("event", EVENTS[1:5])
def test_an_interrupt_keeps_what_was_learned_and_warns(event):
    class Impatient(Callback):
        def __getattribute__(self, name):
            if name == event:
                return self._interrupt
            return super().__getattribute__(name)

        def _interrupt(self, run):
            if run.epoch >= 2:
                raise KeyboardInterrupt

    recorder = Recorder()
    with pytest.warns(UserWarning, match=r"interrupted in epoch [34] of 20; the best state so far is kept"):
        model = VAE(**SMALL, callbacks=(recorder, Impatient())).fit(few_columns())
    assert model.n_iter_ == 2
    assert recorder.heard[-1] == "on_fit_end"
    assert np.isfinite(model.score_samples(few_columns())).all()


def test_an_interrupt_keeps_the_best_state():
    network, held_out = Means(), Batch(torch.full((2, 5, 1), -1.0), torch.ones(2, 5, 1))
    states = []

    class Impatient(Callback):
        def on_epoch_end(self, run):
            states.append(float(run.network.first[0].detach()))
            if run.epoch == 3:
                raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted"):
        run = trained(network, dataclasses.replace(PLAN, max_epochs=9), held_out=held_out, callbacks=[Impatient()])
    assert run.interrupted
    assert float(network.first[0].detach()) == states[0] < states[2]


def test_an_undisturbed_fit_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        VAE(**SMALL).fit(few_columns())
