"""Straight lines over gaps, and how long these are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from anomalib_vae.imputing.series.stepped import SteppedSeries

NEVER = 1e3  # steps to an observed cell where its segment has none


class Interpolation(NamedTuple):
    """values: (steps, features), linear in time; before a segment's first and after its last observed cell as that; 0
    where it has none.  before, after: steps to the observed cells on both sides, 0 where the cell is observed."""

    values: np.ndarray
    before: np.ndarray
    after: np.ndarray


def interpolate(series: SteppedSeries) -> Interpolation:
    values = np.zeros_like(series.values)
    before, after = np.full((2, *values.shape), NEVER)
    for span in series.spans:
        steps = np.arange(span.stop - span.start)
        for feature, column in enumerate(series.values[span].T):
            known = np.flatnonzero(~np.isnan(column))
            if len(known):
                values[span, feature] = np.interp(steps, known, column[known])
                last = np.searchsorted(known, steps, side="right") - 1
                before[span, feature] = np.where(last >= 0, steps - known[np.maximum(last, 0)], NEVER)
                following = np.searchsorted(known, steps)
                there = following < len(known)
                after[span, feature] = np.where(there, known[np.minimum(following, len(known) - 1)] - steps, NEVER)
    return Interpolation(values, before, after)


def moving_mean(values: np.ndarray, series: SteppedSeries, steps: int) -> np.ndarray:
    """Of (steps, features) without gaps, over so many steps on both sides together, fewer at the ends of segments."""
    half, found = steps // 2, np.empty_like(values)
    for span in series.spans:
        length = span.stop - span.start
        sums = np.vstack([np.zeros(values.shape[1]), np.cumsum(values[span], axis=0)])
        at = np.arange(length)
        low, high = np.maximum(at - half, 0), np.minimum(at + half + 1, length)
        found[span] = (sums[high] - sums[low]) / (high - low)[:, None]
    return found
