"""What fills the gaps of time series, and how far off it may be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from anomalib_vae.imputing.series.experts import Experts
from anomalib_vae.imputing.series.gate import surroundings
from anomalib_vae.imputing.series.gated_mixture import GatedMixture
from anomalib_vae.imputing.series.hidden_cells import HiddenCells
from anomalib_vae.imputing.series.interpolation import interpolate
from anomalib_vae.imputing.series.marginal import Marginal
from anomalib_vae.imputing.series.mixture import bins
from anomalib_vae.imputing.series.rehearsal import rehearsals
from anomalib_vae.imputing.series.spread import Spread
from anomalib_vae.imputing.series.stationary_gaussian import completions
from anomalib_vae.imputing.series.stepped import SteppedSeries

CELLS = 1000  # of a window, sensors times steps: the precision has as many rows
SHORTEST, LONGEST = 16, 72  # steps of a window
SPREADS = ("spread", "noise")
MIXTURE = "mixture."  # before the names of its tensors
FOLDS = 3  # of time, or of segments: each is filled by experts fitted to the others


@dataclass(frozen=True)
class Scaling:
    """centre, scale: (features,), of the values in training; features that do not vary have the scale 0, and are not
    modelled as long as there are others."""

    centre: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, values: np.ndarray) -> Scaling:
        """values: (steps, features), NaN where missing."""
        known = ~np.isnan(values)
        count = np.maximum(known.sum(0), 1)
        centre = np.nansum(values, axis=0) / count
        scale = np.sqrt((np.where(known, values - centre, 0.0) ** 2).sum(0) / count)
        return cls(centre, scale if (scale > 0).any() else np.ones_like(scale))

    @property
    def modelled(self) -> np.ndarray:
        return np.flatnonzero(self.scale > 0)

    def apply(self, series: SteppedSeries) -> SteppedSeries:
        at = self.modelled
        return series.with_values((series.values[:, at] - self.centre[at]) / self.scale[at])

    def back(self, values: np.ndarray, *, centred: bool = False) -> np.ndarray:
        """Values of the features that are modelled, (steps, modelled), in their units, and the centres of the others;
        centred: less the centres."""
        found = np.zeros((len(values), len(self.scale)))
        found[:, self.modelled] = values * self.scale[self.modelled]
        return found if centred else found + self.centre


@dataclass(frozen=True)
class Filler:
    """A mixture of experts, weighed on cells hidden from them.

    spread: of what is not explained.  noise: of what the experts' Gaussian holds possible.
    """

    experts: Experts
    mixture: GatedMixture
    spread: Spread
    noise: Spread
    scaling: Scaling

    @classmethod
    def fit(cls, series: SteppedSeries, columns: np.ndarray, rng: np.random.Generator) -> Filler:
        """columns: of each feature, its column."""
        scaling = Scaling.fit(series.values)
        series, columns = scaling.apply(series), columns[scaling.modelled]
        features = series.values.shape[1]
        length = int(np.clip(CELLS // features, SHORTEST, LONGEST))
        bent = Marginal.fit(series.values)
        draws = completions(series, length, rng)
        bent_draws = [bent.back(draw) for draw in completions(bent.apply(series), length, rng)]
        hidden = rehearsals(series, columns, rng)
        cells = _rehearsed(series, hidden, draws, bent_draws, length)
        mixture = GatedMixture.fit(cells, features, FOLDS, rng)
        experts = Experts.fit(series, draws, bent_draws, length)
        spread = Spread.fit(cells.truth - mixture.of_unseen(cells), cells.feature, cells.bin_, features)
        return cls(experts, mixture, spread, _noise(experts, series, hidden, rng), scaling)

    def expect(self, series: SteppedSeries) -> tuple[np.ndarray, np.ndarray]:
        """What is expected of each cell, itself where it is observed, (steps, features), and the bins of
        those that are modelled."""
        series = self.scaling.apply(series)
        words, line = self.experts.words(series)
        bin_ = bins(line)
        return self.scaling.back(self.mixture(words, bin_, surroundings(series, line), ~series.observed)), bin_

    def bound(self, share, bin_: np.ndarray) -> np.ndarray:
        """How far below the truth lies from what is expected with that probability, (steps, features)."""
        return self.scaling.back(self.spread.bound(share, bin_), centred=True)

    def draw(self, series: SteppedSeries, bin_: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """How far what may stand in missing cells lies from what is expected, (steps, features), a draw.

        A path of the experts' Gaussian tells which cells lie off together; how far, the hidden cells told."""
        noise = self.experts.noise(self.scaling.apply(series), rng)
        return self.bound(self.noise.rank(noise, bin_), bin_)

    def state(self) -> dict[str, torch.Tensor]:
        """Tensors that `from_state` makes it of."""
        experts = self.experts
        parts = {
            "given": experts.marginal.given,
            "bent": experts.marginal.bent,
            "covariances": np.stack(experts.covariances),
            "means": np.stack(experts.means),
            "levels": experts.levels,
            "limits": experts.limits,
            **{f"{part}_{name}": values for part in SPREADS for name, values in vars(getattr(self, part)).items()},
            **vars(self.scaling),
        }
        own = {name: torch.from_numpy(np.ascontiguousarray(part)) for name, part in parts.items()}
        return own | {f"{MIXTURE}{name}": part for name, part in self.mixture.state().items()}

    @classmethod
    def from_state(cls, state: dict[str, torch.Tensor]) -> Filler:
        mixture = {name.removeprefix(MIXTURE): part for name, part in state.items() if name.startswith(MIXTURE)}
        s = {name: part.numpy() for name, part in state.items() if not name.startswith(MIXTURE)}
        experts = Experts(
            Marginal(s["given"], s["bent"]), tuple(s["covariances"]), tuple(s["means"]), s["levels"], s["limits"]
        )
        spread, noise = (Spread(s[f"{part}_scale"], s[f"{part}_quantiles"]) for part in SPREADS)
        return cls(experts, GatedMixture.from_state(mixture), spread, noise, Scaling(s["centre"], s["scale"]))


def _rehearsed(series: SteppedSeries, hidden: list[np.ndarray], draws, bent_draws, length: int) -> HiddenCells:
    parts = []
    for i, fold in enumerate(_folds(series)):
        others = series.take(~fold)
        experts = Experts.fit(others, [d[~fold] for d in draws], [d[~fold] for d in bent_draws], length)
        own = series.take(fold)
        for cells in hidden:
            at = np.nonzero(cells[fold])
            seen = own.hide(cells[fold])
            words, line = experts.words(seen)
            around, of_fold = surroundings(seen, line)[at], np.full(len(at[0]), i)
            parts.append(HiddenCells(words[at], own.values[at], at[1], bins(line)[at], around, of_fold))
    return HiddenCells.joined(parts)


def _noise(experts: Experts, series: SteppedSeries, hidden: list[np.ndarray], rng) -> Spread:
    parts = []
    for cells in hidden:
        without = series.hide(cells)
        at = np.nonzero(cells)
        parts.append((experts.noise(without, rng)[at], at[1], bins(interpolate(without))[at]))
    noise, feature, bin_ = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Spread.fit(noise, feature, bin_, series.values.shape[1])


def _folds(series: SteppedSeries) -> Iterator[np.ndarray]:
    """Which steps are in each fold, (steps,) of bool."""
    steps, segments = len(series.values), len(series.bounds) - 1
    if segments < FOLDS:
        fold = np.arange(steps) * FOLDS // steps
    else:
        fold = np.repeat(np.arange(segments) % FOLDS, np.diff(series.bounds))
    for one in range(FOLDS):
        yield fold == one
