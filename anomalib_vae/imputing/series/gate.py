"""A small network that looks at one cell and tells which experts to believe there more than usual, and which less."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from anomalib_vae.imputing.series.hidden_cells import HiddenCells
from anomalib_vae.imputing.series.interpolation import Interpolation, moving_mean
from anomalib_vae.imputing.series.stepped import SteppedSeries
from anomalib_vae.networks.mlp import MLP
from anomalib_vae.training.optimizer import AdamW

HIDDEN_DIMS = (64, 64)
STEPS, CELLS, RATE, DECAY = 300, 1024, 3e-3, 0.1  # of AdamW; cells a step
WARMUP = 50  # steps
NEARBY = 16  # steps over which a sensor's moves are averaged
FARTHEST = 100.0  # steps to an observed cell: beyond it is far, however far
STILL = 1e-2  # usual errors a step: a sensor that moves less does not move
LIMIT = 4.0  # standard deviations of an input


def surroundings(series: SteppedSeries, line: Interpolation) -> np.ndarray:
    """Of each cell, (steps, features, 3): the steps to the observed cells on both sides, and how far the sensor moves
    in a step around there."""
    moves = np.abs(np.diff(line.values, axis=0, prepend=line.values[:1]))
    moves[series.bounds[1:-1]] = 0.0  # from one segment to the next
    distances = np.minimum(np.stack([line.before, line.after]), FARTHEST)
    return np.stack([*distances, moving_mean(moves, series, NEARBY)], -1)


@dataclass(frozen=True)
class Gate:
    """The gating network of a mixture of experts (Jacobs, Jordan, Nowlan & Hinton 1991, "Adaptive mixtures of local
    experts"), with a member for each fold, which has not seen that fold's cells.

    It reads what the experts say of the cell beside their mean, and the cell's surroundings, in units of the sensor's
    usual error: not which sensor it is, or where its value lies, which would not come again.

    usual: (features,).  centre, scale: (inputs,).
    """

    network: MLP
    usual: np.ndarray
    centre: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, cells: HiddenCells, weights: np.ndarray, usual: np.ndarray, generator: torch.Generator) -> Gate:
        """weights: with which each member believes the experts before it looks, (members, cells, experts)."""
        raw = _inputs(cells.words, cells.surroundings, usual[cells.feature])
        network = _network(len(weights), raw.shape[1], cells.words.shape[1], generator)
        gate = cls(network, usual, raw.mean(0), raw.std(0) + STILL)
        off = (cells.words - cells.truth[:, None]) / usual[cells.feature][:, None]
        learned_from = [torch.from_numpy(np.flatnonzero(cells.fold != fold)) for fold in range(len(weights))]
        _train(network, gate._standard(raw).float(), _tensor(np.log(weights)), _tensor(off), learned_from, generator)
        network.double().requires_grad_(False)
        return gate

    def __call__(self, words: np.ndarray, surroundings: np.ndarray, feature: np.ndarray) -> np.ndarray:
        """What to add to the logarithms of the weights, (members, cells, experts); words: (cells, experts)."""
        inputs = self._standard(_inputs(words, surroundings, self.usual[feature]))
        with torch.inference_mode():
            return self.network(inputs.expand(self.members, -1, -1)).numpy()

    @property
    def members(self) -> int:
        return len(next(self.network.parameters()))

    def _standard(self, raw: np.ndarray) -> Tensor:
        return torch.from_numpy(np.clip((raw - self.centre) / self.scale, -LIMIT, LIMIT))

    def state(self) -> dict[str, Tensor]:
        """Tensors that `from_state` makes it of."""
        facts = {name: torch.from_numpy(getattr(self, name)) for name in ("usual", "centre", "scale")}
        return facts | {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> Gate:
        weights = {name.removeprefix("network."): part for name, part in state.items() if name.startswith("network.")}
        members, _, experts = weights["head.weight"].shape
        network = _network(members, len(state["centre"]), experts, torch.Generator()).double().requires_grad_(False)
        network.load_state_dict(weights)
        return cls(network, *(state[name].numpy() for name in ("usual", "centre", "scale")))


def _network(members: int, inputs: int, experts: int, generator: torch.Generator) -> MLP:
    network = MLP(members, inputs, HIDDEN_DIMS, experts, generator)
    assert network.head is not None
    network.head.weight.data.zero_()  # at first it adds nothing
    return network


def _inputs(words: np.ndarray, surroundings: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """(cells, inputs); usual: errors, (cells,)."""
    beside = np.arcsinh((words - words.mean(1, keepdims=True)) / usual[:, None])
    moves = np.log(surroundings[:, 2:] / usual[:, None] + STILL)
    return np.concatenate([beside, np.log1p(surroundings[:, :2]), moves], 1)


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values).float()


def _train(
    network: MLP,
    inputs: Tensor,
    log_weights: Tensor,
    off: Tensor,
    learned_from: list[Tensor],
    generator: torch.Generator,
) -> None:
    """Least absolute errors.  off: of the experts, (cells, experts).  learned_from: the cells of each member."""
    optimizer = AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    member = torch.arange(len(learned_from))[:, None]
    for step in range(STEPS):
        rate = RATE * min(1.0, step / WARMUP) * 0.5 * (1 + math.cos(math.pi * step / STEPS))
        optimizer.param_groups[0]["lr"] = rate
        some = torch.stack([own[torch.randint(len(own), (CELLS,), generator=generator)] for own in learned_from])
        weights = (log_weights[member, some] + network(inputs[some])).softmax(-1)
        loss = (weights * off[some]).sum(-1).abs().mean(-1).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
