"""How long the windows of a series shall be, told from the series itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.timeline import NOTHING

USUAL = 64  # steps, where nothing repeats itself
SHORTEST, LONGEST = 16, 128
LEAST_PARTS = 4  # windows that lie end to end in the longest segment
LEAST_CORRELATION = 0.3  # that a period must have with the one before it
ALIKE = 0.9  # of the highest peak: a lower one may be the period, and the highest a multiple of it
HUMP = 1.5  # times the first high peak: noise may put several on one hump


def dominant_period(rows: Batch, segments: Sequence[np.ndarray]) -> int:
    """The lag, between SHORTEST and LONGEST steps, of the first high peak of the mean autocorrelation of the longest
    segment's sensors; USUAL where there is none.  A LEAST_PARTS-th of the segment at most.

    rows: encoded, (rows, features), standardised.  segments: see `Timeline.segments`.
    """
    longest = max(segments, key=len)
    most = max(len(longest) // LEAST_PARTS, 1)
    known = (longest != NOTHING)[:, None]
    values = np.where(known, rows.values.numpy()[longest], 0.0)
    seen = np.where(known, rows.observed.numpy()[longest], 0.0)
    correlation = _autocorrelation(values, seen, LONGEST + 2)
    inner = correlation[1:-1]
    peaks = np.flatnonzero((inner > correlation[:-2]) & (inner >= correlation[2:])) + 1
    peaks = peaks[(peaks >= SHORTEST) & (peaks <= LONGEST) & (correlation[peaks] >= LEAST_CORRELATION)]
    if not len(peaks):
        return min(USUAL, most)
    high = [lag for lag in peaks if correlation[lag] >= ALIKE * correlation[peaks].max()]
    first_hump = [lag for lag in high if lag < HUMP * high[0]]
    return min(int(max(first_hump, key=lambda lag: correlation[lag])), most)


def _autocorrelation(values: np.ndarray, seen: np.ndarray, lags: int) -> np.ndarray:
    """At lags 0, 1, ... of (steps, features), the mean over the features that vary; missing pairs count for nothing."""
    centred = (values - values.sum(0) / np.maximum(seen.sum(0), 1)) * seen
    size = 2 ** int(np.ceil(np.log2(len(values) + lags)))
    products, pairs = (np.fft.irfft(np.abs(np.fft.rfft(x, size, axis=0)) ** 2, axis=0) for x in (centred, seen))
    mean = products[:lags] / np.maximum(pairs[:lags], 1.0)
    varies = mean[0] > 0
    return (mean[:, varies] / mean[0, varies]).mean(1) if varies.any() else np.zeros(lags)
