"""When two scores count as the same."""

from __future__ import annotations

import numpy as np


def tolerance(scores):
    """How far apart rounding may put the scores of one row, scored beside other rows; of the shape of scores."""
    return 1e-9 * np.maximum(1.0, np.abs(scores))
