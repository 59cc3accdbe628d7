"""A stationary Gaussian process of several sensors, and what it expects in gaps."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from anomalib_vae.imputing.series.interpolation import interpolate
from anomalib_vae.imputing.series.stepped import SteppedSeries

RIDGE = 1e-4  # of each variance: sensors may be sums of others
SMALLEST = 1e-3  # of a variance, or of an eigenvalue
AT_ONCE = 128  # windows
ACCURACY = 1e-5  # of the squared residual, against the first
TINY = 1e-30
ITERATIONS, KEPT = 8, 4  # of the stochastic EM; the draws of the last ones are kept
QUICK_STEPS, STEPS = 25, 40  # of conjugate gradients: in EM, and later
QUICK_SHARE, SHARE = 1.5, 3.0  # of a window's length to the distance between two windows, likewise


def autocovariance(series: SteppedSeries, length: int) -> np.ndarray:
    """E x(t) x(t + k)' at the lags k = 0, 1, ..., (length, features, features), of centred values without gaps.

    Of one segment the sums are divided by its length, which keeps the matrix positive; of many short ones by how many
    pairs there are, or else correlations would fade with the lag.
    """
    features, several = series.values.shape[1], len(series.bounds) > 2
    found, count = np.zeros((length, features, features)), np.zeros(length)
    for span in series.spans:
        values, steps = series.values[span], span.stop - span.start
        for lag in range(min(length, steps)):
            found[lag] += values[: steps - lag].T @ values[lag:]
            count[lag] += steps - lag if several else steps
        if not several:
            count[steps:] += steps
    return found / np.maximum(count, 1)[:, None, None]


@dataclass(frozen=True)
class StationaryGaussian:
    """x(t), ..., x(t + length - 1) ~ N(0, Σ), whose covariance Σ depends on the distance in time alone.

    Given the observed cells of a window the missing ones have the mean -Λ_mm⁻¹ Λ_mo x_o with Λ = Σ⁻¹, found by
    conjugate gradients for many windows at once; of each window the middle part is taken.  It is what a Kalman smoother
    gives, without a state space to choose.

    cholesky: of Σ, lower, and precision: Λ, (length x features, length x features), step after step.
    """

    cholesky: Tensor
    precision: Tensor
    length: int

    @classmethod
    def of(
        cls, autocovariance: np.ndarray, *, independence: float = 0.0, free_level: float = 0.0
    ) -> StationaryGaussian:
        """independence: the share of what sensors tell of each other that is not believed.  free_level: the variance
        of a constant added to each sensor, which then may have any level."""
        length, features = autocovariance.shape[:2]
        own = np.eye(features, dtype=bool)
        believed = np.where(own, autocovariance, (1 - independence) * autocovariance)
        lag = np.arange(length)[None] - np.arange(length)[:, None]
        blocks = np.where((lag >= 0)[:, :, None, None], believed[abs(lag)], believed[abs(lag)].transpose(0, 1, 3, 2))
        blocks = blocks + free_level * own
        cholesky = _cholesky(blocks.transpose(0, 2, 1, 3).reshape(length * features, -1))
        inverse = np.linalg.inv(cholesky)
        return cls(torch.from_numpy(cholesky).float(), torch.from_numpy(inverse.T @ inverse).float(), length)

    def expect(self, series: SteppedSeries, start: np.ndarray) -> np.ndarray:
        """What is expected of each cell, (steps, features), itself where it is observed; start: a guess of that."""
        return self._solve(series, start, STEPS, SHARE, None)

    def draw(self, series: SteppedSeries, start: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Likewise a draw of what may stand there: a draw of the whole, corrected by what the observed cells say
        (Matheron's rule)."""
        return self._solve(series, start, QUICK_STEPS, QUICK_SHARE, rng)

    def _solve(self, series, start: np.ndarray, steps: int, share: float, rng) -> np.ndarray:
        found, shape = np.nan_to_num(series.values), (self.length, series.values.shape[1])
        observed = series.observed
        windows = [w for w in _windows(series, self.length, share) if not observed[w.taken].all()]
        for at in range(0, len(windows), AT_ONCE):
            part = windows[at : at + AT_ONCE]
            values, seen, guess = np.zeros((3, len(part), *shape), np.float32)
            for i, window in enumerate(part):
                size = window.stop - window.start
                values[i, :size] = found[window.start : window.stop]
                seen[i, :size] = observed[window.start : window.stop]
                guess[i, :size] = start[window.start : window.stop]
            noise = torch.zeros(())
            if rng is not None:
                white = rng.standard_normal((len(part), len(self.precision))).astype(np.float32)
                noise = torch.from_numpy(white) @ self.cholesky.T
            flat, known, first = (torch.from_numpy(a.reshape(len(part), -1)) for a in (values, seen, guess))
            solved = self._given(flat, known, first, noise, steps).reshape(-1, *shape).numpy()
            for i, window in enumerate(part):
                inside = slice(window.taken.start - window.start, window.taken.stop - window.start)
                found[window.taken] = np.where(observed[window.taken], found[window.taken], solved[i, inside])
        return found

    def _given(self, values: Tensor, seen: Tensor, guess: Tensor, noise: Tensor, steps: int) -> Tensor:
        """noise + E[x | observed cells - noise], by conjugate gradients preconditioned by the diagonal."""
        missing, diagonal = 1 - seen, self.precision.diagonal()
        solution = (values - noise) * seen + (guess - noise) * missing
        residual = -(solution @ self.precision) * missing
        direction = residual / diagonal
        fit = (residual * direction).sum(-1, keepdim=True)
        first = fit.max()
        for _ in range(steps):
            if fit.max() <= ACCURACY * first:
                break
            product = (direction @ self.precision) * missing
            size = fit / (direction * product).sum(-1, keepdim=True).clamp_min(TINY)
            solution, residual = solution + size * direction, residual - size * product
            scaled = residual / diagonal
            previous, fit = fit, (residual * scaled).sum(-1, keepdim=True)
            direction = scaled + fit / previous.clamp_min(TINY) * direction
        return solution + noise


def completions(series: SteppedSeries, length: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Draws of what a series without gaps may have been, (steps, features) each, by stochastic EM.

    Celeux & Diebolt 1985: drawing the missing cells, and not filling in what is expected, keeps covariances from
    becoming those of interpolations.
    """
    straight = interpolate(series).values
    completed, kept = straight, []
    for iteration in range(ITERATIONS):
        gaussian = StationaryGaussian.of(autocovariance(series.with_values(completed), length))
        completed = gaussian.draw(series, straight, rng)
        if iteration >= ITERATIONS - KEPT:
            kept.append(completed)
    return kept


@dataclass(frozen=True)
class _Window:
    """Steps start:stop, of which those that lie in the middle are taken."""

    start: int
    stop: int
    taken: slice


def _windows(series: SteppedSeries, length: int, share: float) -> list[_Window]:
    distance, found = max(1, int(length / share)), []
    for span in series.spans:
        if span.stop - span.start <= length:
            found.append(_Window(span.start, span.stop, span))
            continue
        starts = [*range(span.start, span.stop - length, distance), span.stop - length]
        edges = [span.start, *((a + length + b) // 2 for a, b in itertools.pairwise(starts)), span.stop]
        taken = (slice(a, b) for a, b in itertools.pairwise(edges))
        found += [_Window(start, start + length, part) for start, part in zip(starts, taken, strict=True)]
    return found


def _cholesky(covariance: np.ndarray) -> np.ndarray:
    """Of a covariance with a ridge; one that is not positive, being made of many pieces, is made so first."""
    try:
        return np.linalg.cholesky(_ridged(covariance))
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(covariance)
        return np.linalg.cholesky(_ridged((vectors * np.maximum(values, SMALLEST)) @ vectors.T))


def _ridged(covariance: np.ndarray) -> np.ndarray:
    return covariance + RIDGE * np.diag(np.maximum(np.diag(covariance), SMALLEST))
