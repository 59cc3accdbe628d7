"""One answer from several completed frames, with the uncertainty that the gaps add to it: Rubin's rules.

Rubin 1987, "Multiple imputation for nonresponse in surveys"; Barnard and Rubin 1999, "Small-sample degrees of freedom
with multiple imputation".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import t


@dataclass(frozen=True)
class Pooled:
    """The pooled estimate and how sure it is; each field is a number, or an array where several were estimated.

    estimate: the mean of the estimates.  standard_error: of it, all uncertainty in it.  degrees_of_freedom: of
    Student's t that it is measured by.  missing_information: the fraction of the information that the gaps took, 0 to
    1.
    """

    estimate: Any
    standard_error: Any
    degrees_of_freedom: Any
    missing_information: Any

    def interval(self, level: float = 0.95) -> tuple[Any, Any]:
        """The ends (low, high) of the confidence interval of that level."""
        if not 0 < level < 1:
            raise ValueError(f"level must be between 0 and 1, as 0.95 for intervals of 95 %, got {level!r}")
        reach = t.ppf((1 + level) / 2, self.degrees_of_freedom) * self.standard_error
        return self.estimate - reach, self.estimate + reach


def pool(estimates, variances, *, df_complete: float | None = None) -> Pooled:
    """Combine the estimates of one and the same analysis of each completed frame, by Rubin's rules.

    With m frames, the mean W of the variances, the variance B of the estimates and λ = (1 + 1/m) B / T, the variance of
    the mean is T = W + (1 + 1/m) B, and its degrees of freedom are (m - 1) / λ² (Rubin 1987), or fewer where the
    complete data would have had only `df_complete` of them, such as rows less coefficients (Barnard and Rubin 1999).

    estimates, variances: (m,) or (m, quantities) of numbers; a variance is the squared standard error of its estimate.
    Raises ValueError for other shapes, fewer than two estimates, cells that are missing and negative variances.
    """
    q, u = _checked(estimates, variances)
    m = len(q)
    if df_complete is not None and not df_complete > 0:
        raise ValueError(f"df_complete must be above 0, got {df_complete!r}")
    within, between = u.mean(axis=0), (1 + 1 / m) * q.var(axis=0, ddof=1)
    total = within + between
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(total > 0, between / total, 0.0)  # λ
        df = (m - 1) / share**2
        if df_complete is not None:
            of_observed = (df_complete + 1) / (df_complete + 3) * df_complete * (1 - share)
            df = 1 / (1 / df + 1 / of_observed)
        ratio = between / within
        missing = np.where(np.isfinite(ratio), (ratio + 2 / (df + 3)) / (ratio + 1), share)
    return Pooled(*(_plain(part) for part in (q.mean(axis=0), np.sqrt(total), df, missing)))


def _checked(estimates, variances) -> tuple[np.ndarray, np.ndarray]:
    q, u = np.asarray(estimates, float), np.asarray(variances, float)
    if q.shape != u.shape or q.ndim not in (1, 2):
        raise ValueError(
            "estimates and variances must have one shape, (imputations,) or (imputations, quantities), got "
            f"{q.shape} and {u.shape}"
        )
    if len(q) < 2:
        raise ValueError(f"at least 2 imputations tell how far they differ, got {len(q)} estimates: draw more")
    if not (np.isfinite(q).all() and np.isfinite(u).all()):
        raise ValueError("estimates and variances must be finite: look for the analysis that failed")
    if (u < 0).any():
        raise ValueError("variances must not be negative: give squared standard errors")
    return q, u


def _plain(part: np.ndarray) -> Any:
    return float(part) if np.ndim(part) == 0 else part
