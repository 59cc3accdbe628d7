"""Who is believed in each cell: usual weights of the experts, moved by a network as far as it has proved itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from anomalib_vae.imputing.series.gate import Gate
from anomalib_vae.imputing.series.hidden_cells import HiddenCells
from anomalib_vae.imputing.series.mixture import usual_shares

FEWEST = 300  # hidden cells of a fold's others, with which a network has nothing to learn from
TRUSTS = np.linspace(0.0, 1.0, 11)
AT_ONCE = 20_000  # cells
GATE = "gate."  # before the names of its tensors
SMALLEST = 1e-6  # of a weight whose logarithm is taken


@dataclass(frozen=True)
class GatedMixture:
    """The mean over the folds of mixtures that were fitted to the cells of the others, and likewise with a gate.

    The gate's word counts by its trust: the part, of a few, with which the errors of cells in folds that neither
    mixture nor gate had seen are least.  Where it proves nothing that is 0.

    shares: (folds, features, bins, experts).  gate: None where hidden cells are too few for one.
    """

    shares: np.ndarray
    gate: Gate | None
    trust: float

    @classmethod
    def fit(cls, cells: HiddenCells, features: int, folds: int, rng: np.random.Generator) -> GatedMixture:
        others = [cells.take(cells.fold != fold) for fold in range(folds)]
        shares = np.stack([usual_shares(part if part.n_cells else cells, features) for part in others])
        if min(part.n_cells for part in others) < FEWEST:
            return cls(shares, None, 0.0)
        usual = cells.usual_errors(features)
        weights = np.maximum(shares[:, cells.feature, cells.bin_], SMALLEST)
        generator = torch.Generator().manual_seed(int(rng.integers(2**31 - 1)))
        sure = cls(shares, Gate.fit(cells, weights, usual, generator), 1.0)
        without, with_gate = cls(shares, sure.gate, 0.0).of_unseen(cells), sure.of_unseen(cells)
        off = without + TRUSTS[:, None] * (with_gate - without) - cells.truth
        error = np.mean(np.abs(off) / usual[cells.feature], axis=1)
        return cls(shares, sure.gate, float(TRUSTS[np.argmin(error)]))

    def __call__(
        self, words: np.ndarray, bin_: np.ndarray, surroundings: np.ndarray, missing: np.ndarray
    ) -> np.ndarray:
        """What is expected of each cell, (steps, features), by experts who agree where none is missing.

        words: (steps, features, experts); bin_, missing: (steps, features); surroundings: (steps, features, facts).
        """
        found = words[..., 0].copy()
        at = np.nonzero(missing)
        for some in _parts(len(at[0])):
            part = at[0][some], at[1][some]
            weights = self._weights(words[part], bin_[part], surroundings[part], part[1])
            found[part] = (weights.mean(0) * words[part]).sum(-1)
        return found

    def of_unseen(self, cells: HiddenCells) -> np.ndarray:
        """What is expected of hidden cells by those of the fold that have not seen them, (cells,)."""
        found = np.empty(cells.n_cells)
        for some in _parts(cells.n_cells):
            words, feature = cells.words[some], cells.feature[some]
            weights = self._weights(words, cells.bin_[some], cells.surroundings[some], feature)
            found[some] = (weights[cells.fold[some], np.arange(len(words))] * words).sum(-1)
        return found

    def state(self) -> dict[str, torch.Tensor]:
        """Tensors that `from_state` makes it of."""
        gate = {} if self.gate is None else self.gate.state()
        own = {"shares": torch.from_numpy(self.shares), "trust": torch.tensor(self.trust, dtype=torch.float64)}
        return own | {f"{GATE}{name}": part for name, part in gate.items()}

    @classmethod
    def from_state(cls, state: dict[str, torch.Tensor]) -> GatedMixture:
        gate = {name.removeprefix(GATE): part for name, part in state.items() if name.startswith(GATE)}
        return cls(state["shares"].numpy(), Gate.from_state(gate) if gate else None, state["trust"].item())

    def _weights(
        self, words: np.ndarray, bin_: np.ndarray, surroundings: np.ndarray, feature: np.ndarray
    ) -> np.ndarray:
        """Of the experts in some cells, (folds, cells, experts)."""
        usual = self.shares[:, feature, bin_]
        if self.gate is None or not self.trust:
            return usual
        moved = np.maximum(usual, SMALLEST) * np.exp(self.gate(words, surroundings, feature))
        return usual + self.trust * (moved / moved.sum(-1, keepdims=True) - usual)


def _parts(cells: int) -> Iterator[slice]:
    return (slice(start, start + AT_ONCE) for start in range(0, cells, AT_ONCE))
