"""Which expert is believed how much: by sensor, and by how far the observed cells on both sides are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from anomalib_vae.imputing.series.interpolation import NEVER, Interpolation

NEAR = (1, 2, 4, 8, 16)  # steps to the nearer observed cell, up to which a cell lies in one bin
N_BINS = len(NEAR) + 3
EDGE, NOWHERE = len(NEAR) + 1, len(NEAR) + 2  # the first or last cell of a longer gap; no observed cell at all
MOST_CELLS = 60_000
STEPS, RATE = 200, 0.08  # of Adam
OF_SENSOR, OF_BOTH = 0.5, 2.0  # penalties on squared weights of a sensor, and of a sensor in a bin
SMALLEST = 1e-4  # of a scale


def bins(interpolation: Interpolation) -> np.ndarray:
    """Of each cell, (steps, features): how far it lies in its gap."""
    near = np.minimum(interpolation.before, interpolation.after)
    far = np.maximum(interpolation.before, interpolation.after)
    found = np.where((near <= 1) & (far > 1), EDGE, np.searchsorted(NEAR, near))
    return np.where(near >= NEVER, NOWHERE, found)


@dataclass(frozen=True)
class Mixture:
    """A mean of experts with weights softmax(a[bin] + b[sensor] + c[sensor, bin]) that are at least 0 and sum to 1.

    Where one of them is linear interpolation, the others get weight only for what they have proved on hidden cells.

    shares: (features, bins, experts).
    """

    shares: np.ndarray

    @classmethod
    def fit(cls, words: np.ndarray, truth: np.ndarray, feature: np.ndarray, bin_: np.ndarray, features: int) -> Mixture:
        """Least absolute errors, in units of each sensor's usual one, of hidden cells.

        words: what the experts say, (cells, experts); truth, feature, bin_: (cells,).
        """
        error = np.abs(words.mean(1) - truth)
        usual = error.mean() if len(error) else 1.0
        scale = np.array([error[feature == i].mean() if (feature == i).any() else usual for i in range(features)])
        off = (words - truth[:, None]) / np.maximum(scale, SMALLEST)[feature][:, None]
        off, where = torch.tensor(off, dtype=torch.float32), torch.tensor(feature * N_BINS + bin_)
        experts = words.shape[1]
        parts = [torch.zeros(size, experts, requires_grad=True) for size in (N_BINS, features, features * N_BINS)]
        optimizer = torch.optim.Adam(parts, lr=RATE)
        for step in range(STEPS if len(truth) else 0):
            optimizer.param_groups[0]["lr"] = RATE * (1 - step / STEPS) + SMALLEST
            loss = ((_shares(*parts)[where] * off).sum(-1)).abs().sum()
            loss = loss + OF_SENSOR * parts[1].square().sum() + OF_BOTH * parts[2].square().sum()
            optimizer.zero_grad()
            (loss / len(truth)).backward()
            optimizer.step()
        return cls(_shares(*parts).detach().double().numpy().reshape(features, N_BINS, experts))

    def __call__(self, words: np.ndarray, bin_: np.ndarray) -> np.ndarray:
        """What is expected of each cell, (steps, features); words: (steps, features, experts)."""
        return (self.shares[np.arange(words.shape[1]), bin_] * words).sum(-1)


def _shares(of_bin: torch.Tensor, of_sensor: torch.Tensor, of_both: torch.Tensor) -> torch.Tensor:
    """(features x bins, experts)."""
    features = len(of_sensor)
    logits = of_bin[None] + of_sensor[:, None] + of_both.view(features, len(of_bin), -1)
    return logits.softmax(-1).flatten(0, 1)
