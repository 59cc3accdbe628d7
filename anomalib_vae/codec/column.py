"""One column, free of any frame library."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

Family = Literal["number", "integer", "boolean", "time", "duration", "label"]


@dataclass(frozen=True)
class Column:
    """One column, free of any frame library.

    values: float64 with NaN where missing (times and durations in microseconds, booleans 0 and 1); for labels an object
    array with None where missing.
    """

    name: Any
    family: Family
    values: np.ndarray

    @cached_property
    def observed(self) -> np.ndarray:
        return ~pd.isna(self.values)

    @property
    def texts(self) -> list[str]:
        """The cells as people write them."""
        if self.family == "label":
            return ["missing" if v is None else str(v) for v in self.values]
        if self.family == "boolean":
            return ["missing" if np.isnan(v) else str(v > 0.5) for v in self.values]
        if self.family in ("time", "duration"):
            convert = pd.to_datetime if self.family == "time" else pd.to_timedelta
            return ["missing" if pd.isna(v) else str(v) for v in convert(self.values, unit="us").round("s")]
        return ["missing" if np.isnan(v) else f"{v:.5g}" for v in self.values]
