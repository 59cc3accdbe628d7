"""Little's test of whether cells are missing completely at random."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

RIDGE = 1e-8  # on correlations: keeps collinear columns invertible while EM runs
RANK = 1e-6  # eigenvalues of correlations below it count as 0
CHUNK = 512  # patterns inverted at once
MAX_ITERATIONS = 300
TOLERANCE = 1e-5  # of means and covariances, on the scale of correlations


@dataclass(frozen=True)
class LittleTest:
    """Little 1988, "A test of missing completely at random for multivariate data with missing values".

    statistic: d² = Σ_j m_j (ȳ_j − μ_j)ᵀ Σ_j⁻¹ (ȳ_j − μ_j) over the patterns j of missing columns, with m_j rows, the
    mean ȳ_j of what they observe, and mean and covariance estimated by EM from all rows.  degrees_of_freedom:
    Σ_j (columns observed in j) − columns, of the χ² that the statistic about is under MCAR.  p_value: a small one says
    that the rows of the patterns differ, so that it is not MCAR.  n_patterns, columns: what the test was made on.
    reason: why it can't be made, in which case statistic and p_value are NaN; else empty.
    """

    statistic: float = math.nan
    degrees_of_freedom: int = 0
    p_value: float = math.nan
    n_patterns: int = 0
    columns: tuple[str, ...] = ()
    reason: str = ""

    def __str__(self) -> str:
        if self.reason:
            return f"Little's MCAR test: not made, {self.reason}"
        verdict = (
            "missing cells depend on the values of other columns (not MCAR)"
            if self.p_value < 0.05
            else "no sign that missing cells depend on the values of other columns (MCAR is plausible)"
        )
        return (
            f"Little's MCAR test: χ² = {self.statistic:.4g}, {self.degrees_of_freedom} degrees of freedom, "
            f"p = {self.p_value:.3g}, over {len(self.columns)} numeric columns: {verdict}"
        )


def little_test(values: np.ndarray, columns) -> LittleTest:
    """The test on numeric values (rows, columns), NaN where missing; columns: their names.

    Columns that are constant or never observed, and rows without any observed cell, are left out.
    """
    values = np.asarray(values, np.float64)
    standard, kept = _standardised(values)
    names = tuple(str(name) for name, keep in zip(columns, kept, strict=True) if keep)
    standard = standard[~np.isnan(standard).all(1)]
    observed = ~np.isnan(standard)
    reason = _reason_against(observed, names, constant_columns=bool((~kept).any()))
    if reason:
        return LittleTest(columns=names, reason=reason)
    patterns, of_row, counts = np.unique(observed, axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(of_row.ravel(), kind="stable")
    rows = np.where(observed, standard, 0.0)[order]
    mean, covariance = _em(rows, patterns, counts)
    statistic, freedom = _statistic(rows, patterns, counts, mean, covariance)
    if freedom < 1:
        return LittleTest(columns=names, reason="its columns depend on each other so that no degree of freedom is left")
    from scipy.stats import chi2

    return LittleTest(statistic, freedom, float(chi2.sf(statistic, freedom)), len(patterns), names)


def _standardised(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The columns that vary, with mean 0 and deviation 1, and which ones they are."""
    kept = np.zeros(values.shape[1], bool)
    standard = []
    for position, column in enumerate(values.T):
        seen = column[~np.isnan(column)]
        size = np.abs(seen).max(initial=0.0) or 1.0  # squares of 1e200 would overflow
        spread = float((seen / size).std()) if len(seen) else 0.0
        if spread > 1e-12:
            kept[position] = True
            standard.append((column / size - (seen / size).mean()) / spread)
    return (np.column_stack(standard) if standard else np.empty((len(values), 0))), kept


def _reason_against(observed: np.ndarray, names: tuple[str, ...], *, constant_columns: bool) -> str:
    rows, columns = observed.shape
    if columns < 2:
        left_out = " that is not constant" if constant_columns else ""
        return f"it needs two numeric columns or more, and there is {columns or 'none'}{left_out}"
    if observed.all():
        return "no cell is missing in the numeric columns"
    if (observed == observed[0]).all():
        return "the same cells are missing in all rows"
    if rows <= columns + 1:
        return f"{rows} rows are too few for {columns} numeric columns"
    together = observed.T.astype(float) @ observed
    if (together < 2).any():
        one, other = np.argwhere(together < 2)[0]
        return f"columns {names[one]!r} and {names[other]!r} are hardly ever observed together"
    return ""


def _em(rows: np.ndarray, patterns: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of greatest likelihood (Dempster, Laird & Rubin 1977).

    rows: in the order of their patterns, 0 where missing; patterns: (patterns, columns), True where observed.  One
    inverse serves all rows of a pattern, of which real tables have few.  `networks.conditional_gaussian` goes row by
    row: quicker where every row has a pattern of its own, many times slower with few, and it needs torch.
    """
    mean, covariance = np.zeros(rows.shape[1]), np.eye(rows.shape[1])
    for _ in range(MAX_ITERATIONS):
        weights, precision = np.empty_like(rows), np.zeros_like(covariance)
        for pattern, span, inverse in _inverses(patterns, counts, covariance):
            weights[span] = ((rows[span] - mean) * pattern) @ inverse
            precision += (span.stop - span.start) * inverse
        expected = mean + weights @ covariance  # each row completed by what is expected given its observed cells
        new_mean = expected.mean(0)
        spread = (expected - new_mean).T @ (expected - new_mean)
        new = (spread - covariance @ precision @ covariance) / len(rows) + covariance
        step = max(np.abs(new - covariance).max(), np.abs(new_mean - mean).max())
        mean, covariance = new_mean, (new + new.T) / 2
        if step < TOLERANCE:
            break
    return mean, covariance


def _inverses(patterns, counts, covariance) -> Iterator[tuple[np.ndarray, slice, np.ndarray]]:
    """For each pattern: itself, its rows, and the inverse of the observed part of the covariance, 0 elsewhere."""
    stops = np.cumsum(counts)
    for start in range(0, len(patterns), CHUNK):
        some = patterns[start : start + CHUNK].astype(float)
        both = some[:, :, None] * some[:, None, :]
        inverses = np.linalg.inv(covariance * both + np.eye(len(covariance)) * (1 - some + RIDGE)[:, :, None]) * both
        for k, inverse in enumerate(inverses, start):
            yield patterns[k], slice(int(stops[k] - counts[k]), int(stops[k])), inverse


def _statistic(rows, patterns, counts, mean, covariance) -> tuple[float, int]:
    """d² and its degrees of freedom; collinear columns count as often as they say something new."""
    unbiased = covariance * len(rows) / (len(rows) - 1)
    statistic, freedom, stop = 0.0, -_rank(unbiased), 0
    for pattern, count in zip(patterns, counts, strict=True):
        span, stop = slice(stop, stop + count), stop + count
        part = unbiased[np.ix_(pattern, pattern)]
        difference = rows[span][:, pattern].mean(0) - mean[pattern]
        statistic += count * float(difference @ np.linalg.pinv(part, rcond=RANK, hermitian=True) @ difference)
        freedom += _rank(part)
    return statistic, freedom


def _rank(covariance: np.ndarray) -> int:
    eigenvalues = np.linalg.eigvalsh(covariance)
    return int((eigenvalues > RANK * eigenvalues.max()).sum())
