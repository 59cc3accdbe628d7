"""What fills the gaps of time series of many sensors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from anomalib_vae.imputing.series.filler import Filler
from anomalib_vae.imputing.series.stepped import SteppedSeries

MOST_FEATURES = 50  # in a group


@dataclass(frozen=True)
class Fillers:
    """A Filler for each group of sensors: what a window costs grows with the cube of how many there are.

    groups: (features,), the group of each.  Bins are those of each group.
    """

    fillers: list[Filler]
    groups: np.ndarray

    @classmethod
    def fit(cls, series: SteppedSeries, columns: np.ndarray, rng: np.random.Generator) -> Fillers:
        """columns: of each feature, its column; groups are neighbours, and hold all features of a column."""
        ends = np.append(np.flatnonzero(np.diff(columns)), len(columns) - 1)  # the last feature of each column
        groups = (ends // MOST_FEATURES)[columns]
        fillers = []
        for at in cls._members(groups):
            fillers.append(Filler.fit(series.select(at), columns[at] - columns[at].min(), rng))
        return cls(fillers, groups)

    @staticmethod
    def _members(groups: np.ndarray) -> list[np.ndarray]:
        return [np.flatnonzero(groups == group) for group in np.unique(groups)]

    def expect(self, series: SteppedSeries) -> tuple[np.ndarray, list[np.ndarray]]:
        """See `Filler.expect`; the bins group by group."""
        parts = [filler.expect(series.select(at)) for filler, at in self._each()]
        return self._together([expected for expected, _ in parts]), [bin_ for _, bin_ in parts]

    def bound(self, share, bins_: list[np.ndarray]) -> np.ndarray:
        """See `Filler.bound`."""
        return self._together([filler.bound(share, bin_) for filler, bin_ in zip(self.fillers, bins_, strict=True)])

    def draw(self, series: SteppedSeries, bins_: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
        """See `Filler.draw`; groups are drawn independently."""
        each = zip(self._each(), bins_, strict=True)
        return self._together([filler.draw(series.select(at), bin_, rng) for (filler, at), bin_ in each])

    def state(self) -> dict[str, torch.Tensor]:
        """Tensors that `from_state` makes it of."""
        found = {f"{i}.{name}": part for i, f in enumerate(self.fillers) for name, part in f.state().items()}
        return found | {"groups": torch.from_numpy(self.groups)}

    @classmethod
    def from_state(cls, state: dict[str, torch.Tensor]) -> Fillers:
        groups, fillers = state["groups"].numpy(), []
        for i in range(len(np.unique(groups))):
            own = {name.partition(".")[2]: part for name, part in state.items() if name.partition(".")[0] == str(i)}
            fillers.append(Filler.from_state(own))
        return cls(fillers, groups)

    def _each(self) -> list[tuple[Filler, np.ndarray]]:
        return list(zip(self.fillers, self._members(self.groups), strict=True))

    def _together(self, parts: list[np.ndarray]) -> np.ndarray:
        found = np.empty((len(parts[0]), len(self.groups)))
        for part, at in zip(parts, self._members(self.groups), strict=True):
            found[:, at] = part
        return found
