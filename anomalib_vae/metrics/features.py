"""What every measure asks of the features of real and generated rows."""

from __future__ import annotations

from typing import Any

import numpy as np


def checked_pair(real: Any, generated: Any, *, rows: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64 arrays of shape (rows, features).

    real, generated: arrays, or tensors on any device.  rows: how many each must have at least.
    Raises TypeError for what is no number, ValueError naming the argument for another shape, NaN or infinite values,
    too few rows or different widths.
    """
    first, second = _checked("real", real, rows[0]), _checked("generated", generated, rows[1])
    if first.shape[1] != second.shape[1]:
        widths = f"real has {first.shape[1]} features and generated has {second.shape[1]}"
        raise ValueError(f"{widths}: compute both with the same network")
    return first, second


def _checked(name: str, features: Any, rows: int) -> np.ndarray:
    if hasattr(features, "detach"):  # a tensor, told without importing torch
        features = features.detach().cpu()
    found = np.asarray(features)
    if found.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold numbers, got an array of {found.dtype}: convert it with astype(float)")
    if found.ndim != 2 or not found.shape[1]:
        raise ValueError(f"{name} must have shape (rows, features), got {found.shape}: flatten each row to a vector")
    if len(found) < rows:
        raise ValueError(f"{name} must have at least {rows} rows, got {len(found)}: hand in more of them")
    finite = np.isfinite(found)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        place = f"{found[row, column]} in row {row}, feature {column}"
        raise ValueError(f"{name} must be finite, got {place}: leave the row out")
    return found.astype(np.float64, copy=False)
