"""Which expert is believed how much: by sensor, and by how far the observed cells on both sides are."""

from __future__ import annotations

import numpy as np
import torch

from anomalib_vae.imputing.series.hidden_cells import HiddenCells
from anomalib_vae.imputing.series.interpolation import NEVER, Interpolation
from anomalib_vae.training.optimizer import AdamW

NEAR = (1, 2, 4, 8, 16)  # steps to the nearer observed cell, up to which a cell lies in one bin
N_BINS = len(NEAR) + 3
EDGE, NOWHERE = len(NEAR) + 1, len(NEAR) + 2  # the first or last cell of a longer gap; no observed cell at all
STEPS, RATE = 200, 0.08  # of Adam
OF_SENSOR, OF_BOTH = 0.5, 2.0  # penalties on squared weights of a sensor, and of a sensor in a bin
LEAST_RATE = 1e-4


def bins(interpolation: Interpolation) -> np.ndarray:
    """Of each cell, (steps, features): how far it lies in its gap."""
    near = np.minimum(interpolation.before, interpolation.after)
    far = np.maximum(interpolation.before, interpolation.after)
    found = np.where((near <= 1) & (far > 1), EDGE, np.searchsorted(NEAR, near))
    return np.where(near >= NEVER, NOWHERE, found)


def usual_shares(cells: HiddenCells, features: int) -> np.ndarray:
    """With which experts are believed, (features, bins, experts): softmax(a[bin] + b[feature] + c[feature, bin]), which
    are at least 0 and sum to 1, of the least absolute errors in units of each feature's usual one.

    Where one of the experts is linear interpolation, the others get weight only for what they have proved on hidden
    cells.
    """
    scale = cells.usual_errors(features)[cells.feature]
    off = torch.tensor((cells.words - cells.truth[:, None]) / scale[:, None], dtype=torch.float32)
    where, experts = torch.tensor(cells.feature * N_BINS + cells.bin_), cells.words.shape[1]
    parts = [torch.zeros(size, experts, requires_grad=True) for size in (N_BINS, features, features * N_BINS)]
    optimizer = AdamW(parts, lr=RATE, weight_decay=0.0)
    for step in range(STEPS if cells.n_cells else 0):
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / STEPS) + LEAST_RATE
        loss = ((_shares(*parts)[where] * off).sum(-1)).abs().sum()
        loss = loss + OF_SENSOR * parts[1].square().sum() + OF_BOTH * parts[2].square().sum()
        optimizer.zero_grad()
        (loss / cells.n_cells).backward()
        optimizer.step()
    return _shares(*parts).detach().double().numpy().reshape(features, N_BINS, experts)


def _shares(of_bin: torch.Tensor, of_sensor: torch.Tensor, of_both: torch.Tensor) -> torch.Tensor:
    """(features x bins, experts)."""
    features = len(of_sensor)
    logits = of_bin[None] + of_sensor[:, None] + of_both.view(features, len(of_bin), -1)
    return logits.softmax(-1).flatten(0, 1)
