"""A network of two numbers, and what runs and watches its training."""

from __future__ import annotations

import math

import torch
from torch import nn

from anomalib_vae.codec.batch import Batch
from anomalib_vae.networks.network import Network, Player
from anomalib_vae.training.callbacks import Callback
from anomalib_vae.training.loop import Plan, train
from anomalib_vae.training.run import TrainingRun

EVENTS = ["on_fit_begin", "on_epoch_begin", "on_batch_begin", "on_batch_end", "on_epoch_end", "on_fit_end"]


class Means(Network):
    """Two players a member: each learns the mean of the rows, and the second has its own parameter."""

    def __init__(self, n_members=2):
        super().__init__()
        self.n_members, self.code_width = n_members, 1
        self.first = nn.Parameter(torch.zeros(n_members, 1, 1))
        self.second = nn.Parameter(torch.full((n_members, 1, 1), 9.0))
        self.validated = []

    def players(self):
        return {"first": Player([self.first]), "second": Player([self.second])}

    def loss(self, player, batch, step):
        return (batch.values - getattr(self, player)).square().mean((1, 2))

    def validation_loss(self, batch):
        return (batch.values - self.first.detach()).square().mean((1, 2))


class Recorder(Callback):
    def __init__(self):
        self.heard = []

    def __getattribute__(self, name):
        if name in EVENTS:
            return lambda run: self.heard.append(name)
        return super().__getattribute__(name)


def rows(n=10, seed=0) -> Batch:
    values = torch.randn(n, 1, generator=torch.Generator().manual_seed(seed)) + 3
    return Batch(values, torch.ones_like(values))


def run_of(network, plan, n) -> TrainingRun:
    return TrainingRun(network, plan.max_epochs, math.ceil(n / min(plan.batch_size, n)))


def trained(network, plan, data=None, **options) -> TrainingRun:
    data = rows() if data is None else data
    generator = torch.Generator().manual_seed(0)
    return train(network, data, plan, generator, run_of(network, plan, len(data)), **options)


PLAN = Plan(max_epochs=3, batch_size=4, learning_rate=0.1)
