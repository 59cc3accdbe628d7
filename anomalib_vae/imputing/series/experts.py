"""Those who say what may stand in a gap: a straight line, and Gaussians that believe different things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anomalib_vae.imputing.series.interpolation import Interpolation, interpolate, moving_mean
from anomalib_vae.imputing.series.marginal import Marginal
from anomalib_vae.imputing.series.stationary_gaussian import StationaryGaussian, autocovariance
from anomalib_vae.imputing.series.stepped import SteppedSeries

LEVEL_STEPS = 48  # of the moving mean that is a sensor's level
FREE_LEVEL = 10.0  # variances: a level that says nothing
SHORTEST = 8  # steps
BEYOND = 0.1  # of the range: how far outside it a Gaussian may go


@dataclass(frozen=True)
class Belief:
    """bent: whether axes are bent to make sensors more normal.  part: of the longest window.  independence: see
    StationaryGaussian.  level_is_free: whether a sensor is only like itself nearby, as a random walk, and has no mean
    to return to."""

    bent: bool
    part: float = 1.0
    independence: float = 0.0
    level_is_free: bool = False


BELIEFS = (
    Belief(bent=False),
    Belief(bent=False, part=0.35, independence=0.5, level_is_free=True),
    Belief(bent=True),
    Belief(bent=True, part=0.35, independence=0.5, level_is_free=True),
    Belief(bent=True, independence=0.5),
)


@dataclass(frozen=True)
class Experts:
    """Fitted to draws of a series without gaps.

    covariances: for plain and bent axes the autocovariance, (length, features, features).  means: likewise (features,).
    levels: lowest and highest level in training, (2, features): beyond them a series is moved back while it is filled.
    limits: smallest and largest observed value, (2, features).
    """

    marginal: Marginal
    covariances: tuple[np.ndarray, np.ndarray]
    means: tuple[np.ndarray, np.ndarray]
    levels: np.ndarray
    limits: np.ndarray

    @classmethod
    def fit(cls, series: SteppedSeries, draws: Sequence[np.ndarray], bent_draws: Sequence[np.ndarray], length: int):
        """draws, bent_draws: of the series without gaps, told with plain and with bent axes; all with plain ones."""
        marginal = Marginal.fit(series.values)
        level = moving_mean(interpolate(series).values, series, LEVEL_STEPS)
        known = np.where(series.observed.any(0), series.values, 0.0)
        facts = []
        for completed in (draws, [marginal.forward(draw) for draw in bent_draws]):
            mean = np.mean([draw.mean(0) for draw in completed], axis=0)
            lags = [autocovariance(series.with_values(draw - mean), length) for draw in completed]
            facts.append((np.mean(lags, axis=0), mean))
        (covariance, mean), (bent_covariance, bent_mean) = facts
        return cls(
            marginal,
            (covariance, bent_covariance),
            (mean, bent_mean),
            np.stack([level.min(0), level.max(0)]),
            np.stack([np.nanmin(known, axis=0), np.nanmax(known, axis=0)]),
        )

    def words(self, series: SteppedSeries) -> tuple[np.ndarray, Interpolation]:
        """What each expects of each cell, (steps, features, experts), the straight line first; it comes along."""
        line = interpolate(series)
        level = moving_mean(line.values, series, LEVEL_STEPS)
        shift = level - np.clip(level, *self.levels)
        low, high = self.limits
        margin = BEYOND * (high - low)
        found = [line.values]
        for belief, gaussian in zip(BELIEFS, self._gaussians(), strict=True):
            expected = self._expect(belief, gaussian, series.with_values(series.values - shift))
            found.append(np.clip(expected, low - margin, high + margin) + shift)
        return np.where(series.observed[..., None], series.values[..., None], np.stack(found, -1)), line

    def noise(self, series: SteppedSeries, rng: np.random.Generator) -> np.ndarray:
        """A draw of how the missing cells may differ from what the first Gaussian expects, (steps, features); 0 where
        observed.  What the observed cells hold makes no difference to that."""
        blank = series.with_values(np.where(series.observed, 0.0, np.nan))
        return self._gaussians(BELIEFS[:1])[0].draw(blank, np.zeros_like(series.values), rng)

    def _expect(self, belief: Belief, gaussian: StationaryGaussian, series: SteppedSeries) -> np.ndarray:
        series = self.marginal.apply(series) if belief.bent else series
        line = interpolate(series).values
        mean = moving_mean(line, series, LEVEL_STEPS) if belief.level_is_free else self.means[belief.bent]
        found = gaussian.expect(series.with_values(series.values - mean), line - mean) + mean
        return self.marginal.back(found) if belief.bent else found

    def _gaussians(self, beliefs: Sequence[Belief] = BELIEFS) -> list[StationaryGaussian]:
        found = []
        for belief in beliefs:
            covariance = self.covariances[belief.bent]
            length = max(SHORTEST, int(belief.part * len(covariance)))
            free = FREE_LEVEL * belief.level_is_free
            found.append(StationaryGaussian.of(covariance[:length], independence=belief.independence, free_level=free))
        return found
