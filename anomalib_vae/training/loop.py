"""The training loop of every model.

The network names its players and gives each a loss; the loop draws batches, steps an optimiser for each player in
turn, watches rows held out, keeps the best state, and tells the callbacks.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from anomalib_vae.codec.batch import Batch
from anomalib_vae.networks.network import Network, Step
from anomalib_vae.training.callbacks import Callback
from anomalib_vae.training.optimizer import AdamW
from anomalib_vae.training.run import TrainingRun

SECOND_MOMENT = 0.999  # how much of the mean of earlier squared gradients Adam keeps


class TrainingDiverged(RuntimeError):
    """The loss stopped being a finite number."""


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train.

    warmup: the part of the steps in which the learning rate rises from 0; after it, a cosine takes it down to 0.
    clip_norm: the largest gradient of one member, in the loss's units a feature.  patience: epochs without a better
    validation loss before the training ends; None never ends it early.
    """

    max_epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.0
    warmup: float = 0.1
    clip_norm: float = 10.0
    patience: int | None = None

    def rate(self, progress: float) -> float:
        if progress < self.warmup:
            return self.learning_rate * progress / self.warmup
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (progress - self.warmup) / (1 - self.warmup)))


def train(
    network: Network,
    data: Batch,
    plan: Plan,
    generator: Generator,
    run: TrainingRun,
    *,
    held_out: Batch | None = None,
    callbacks: Sequence[Callback] = (),
) -> TrainingRun:
    """Train the network in place on rows (rows, features); it ends in the best state that was seen.

    held_out: rows whose loss decides which state is best and when to stop; without them the last state is the best.
    Raises TrainingDiverged where the loss is no longer finite; the message names the column that lost most.
    Ctrl-C ends the training and keeps the best state so far.
    """
    players = network.players()
    optimizers = {
        name: AdamW(
            player.parameters,
            plan.learning_rate,
            betas=(player.momentum, SECOND_MOMENT),
            weight_decay=plan.weight_decay,
            fused=True,
        )
        for name, player in players.items()
    }
    best, best_loss, waited = None, math.inf, 0
    tell(callbacks, "on_fit_begin", run)
    try:
        network.train()
        while run.epoch < run.max_epochs and not run.stop:
            losses = _epoch(network, players, optimizers, data, plan, generator, run, callbacks)
            if held_out is not None:
                losses["validation_loss"] = float(network.validation_loss(held_out).mean())
                waited += 1
                if losses["validation_loss"] < best_loss:
                    best, best_loss, waited = _copy(network), losses["validation_loss"], 0
                run.stop = run.stop or (plan.patience is not None and waited >= plan.patience)
            run.history.append({"epoch": run.epoch, **losses})
            tell(callbacks, "on_epoch_end", run)
    except KeyboardInterrupt:
        run.interrupted = True
        warnings.warn(
            f"training was interrupted in epoch {run.epoch + 1} of {run.max_epochs}; the best state so far is kept.",
            stacklevel=2,
        )
    finally:
        network.eval()
        if best is not None:
            network.load_state_dict(best)
        tell(callbacks, "on_fit_end", run)
    return run


def _epoch(network, players, optimizers, data, plan, generator, run, callbacks) -> dict[str, float]:
    started, totals = time.perf_counter(), dict.fromkeys(players, 0.0)
    tell(callbacks, "on_epoch_begin", run)
    for rows in batches(len(data), plan.batch_size, network.n_members, generator):
        tell(callbacks, "on_batch_begin", run)
        batch, step = data[rows], Step(run.progress, generator)
        for name, player in players.items():
            for group in optimizers[name].param_groups:
                group["lr"] = player.pace * plan.rate(run.progress)
            loss = network.loss(name, batch, step)
            optimizers[name].zero_grad()
            (loss.sum() / batch.values.shape[-1]).backward(inputs=player.parameters)
            _check(loss, network, batch, run)
            clip_members(player.parameters, plan.clip_norm)
            optimizers[name].step()
            totals[name] += float(loss.detach().mean())
        network.after_step(step)
        run.step += 1
        tell(callbacks, "on_batch_end", run)
    run.epoch += 1
    means = {f"{name}_loss": total / run.steps_per_epoch for name, total in totals.items()}
    return {"seconds": time.perf_counter() - started, "learning_rate": plan.rate(run.progress), **means}


def batches(rows: int, size: int, n_members: int, generator: Generator):
    """Indices (members, batch) that pass once over the rows, in an order of its own for each member; a last part
    smaller than a batch is filled up from the start of the order, so that all batches weigh the same."""
    size = min(size, rows)
    order = torch.stack([torch.randperm(rows, generator=generator, device=generator.device) for _ in range(n_members)])
    count = math.ceil(rows / size)
    order = torch.cat([order, order[:, : count * size - rows]], 1)
    return order.split(size, dim=1)


def clip_members(parameters: list[torch.nn.Parameter], largest: float) -> None:
    """Scale each member's gradient down to at most `largest`, on its own: members must not feel each other."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    if torch.nn.utils.get_total_norm(gradients) <= largest:  # so is each member's
        return
    norm = torch.stack([g.flatten(1).square().sum(1) for g in gradients]).sum(0).sqrt()
    scale = (largest / norm.clamp_min(1e-12)).clamp_max(1.0)
    for gradient in gradients:
        gradient.mul_(scale.view(-1, *[1] * (gradient.dim() - 1)))


def tell(callbacks: Sequence[Callback], event: str, run: TrainingRun) -> None:
    for callback in callbacks:
        getattr(callback, event)(run)


def _check(loss: Tensor, network: Network, batch: Batch, run: TrainingRun) -> None:
    if torch.isfinite(loss).all():
        return
    worst = network.blame(batch)
    raise TrainingDiverged(
        f"the loss became {float(loss.detach().mean())} in epoch {run.epoch + 1}; the column with the largest share is "
        f"{worst!r}. Look at its values, or lower learning_rate."
    )


def _copy(network: Network) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
