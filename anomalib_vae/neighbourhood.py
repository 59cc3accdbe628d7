"""How far a row is from the rows of training, in the space of the data."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from anomalib_vae.bulk import robust_distances
from anomalib_vae.codec.batch import Batch

MAX_REFERENCES = 3000  # training rows that are kept to measure distances from
FAR_SHARE = 0.1  # of the references: those farthest from the bulk, which may be anomalies themselves
PARTS = 3  # of the bulk: the mean of so many nearest distances is steadier than one
CHUNK = 512  # rows at once: their distances to all references fit in a processor's cache
SMALLEST_SPREAD = 1e-3  # standard deviations: where most rows have copies, no difference is as good as infinite
SAME = 1e-12  # a squared distance, against 1 + the row's squared length, of rows that are the same
QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Neighbourhood:
    """Reference rows, how far from them rows are, and what that counts.

    A row has two distances: to the nearest reference of all, and to the bulk, the mean of the distances to the nearest
    reference in each of PARTS parts of it.  Nearest neighbours find what lies apart from all known rows (Ramaswamy,
    Rastogi & Shim 2000, "Efficient algorithms for mining outliers"), and a sample of a few thousand is enough (Sugiyama
    & Borgwardt 2013, "Rapid distance-based outlier detection via sampling").  Anomalies among the training rows vouch
    for each other where they form a cluster: hence the second distance, for which references far from the bulk do not
    count.

    values, observed: (references, features), those of the bulk first, 0 where a cell is missing.
    n_bulk: (), how many references lie in the bulk.
    center, spread: (2,), median and interquartile range of each distance over the references.
    nats: (), what one interquartile range of a distance counts.
    """

    values: Tensor
    observed: Tensor
    n_bulk: Tensor
    center: Tensor
    spread: Tensor
    nats: Tensor

    def remoteness(self, rows: Batch) -> np.ndarray:
        """The two distances less their medians, in interquartile ranges, as nats: (rows,).

        A distance that can't be told, of a row without an observed cell, counts as the median.
        """
        excess = (self.distances(rows) - self.center) / self.spread
        return (self.nats * torch.nan_to_num(excess).sum(1)).numpy()

    def distances(self, rows: Batch) -> Tensor:
        """To the nearest reference of all and to the bulk, (rows, 2), NaN where no cell is known.

        One reference that is the same as the row is left out, for it may be the row itself.  Between rows with missing
        cells the squared differences of the cells that both have stand for the others as well.
        """
        return torch.cat(
            [self._distances(rows[at : at + CHUNK].to(torch.float64)) for at in range(0, len(rows), CHUNK)]
        )

    def _distances(self, rows: Batch) -> Tensor:
        squares = self._squares(rows)
        same = squares <= SAME * (1 + rows.values.square().sum(1, keepdim=True))
        parts = [slice(None), *_parts(int(self.n_bulk))]
        nearest = torch.stack([_nearest_other(squares[:, part], same[:, part]) for part in parts], 1)
        return torch.stack([nearest[:, 0], nearest[:, 1:].nanmean(1)], 1)

    def _squares(self, rows: Batch) -> Tensor:
        """Squared distances (rows, references)."""
        length = rows.values.square().sum(1, keepdim=True)
        if not any(rows.observed.stride()) and self.observed.all():
            return torch.addmm(self.values.square().sum(1) + length, rows.values, self.values.T, alpha=-2.0)
        both = rows.observed @ self.observed.T
        squares = rows.values.square() @ self.observed.T + rows.observed @ self.values.square().T
        squares = torch.addmm(squares, rows.values, self.values.T, alpha=-2.0)
        return (squares * (rows.values.shape[1] / both)).masked_fill(both == 0, torch.inf)

    def state(self) -> dict[str, Tensor]:
        """The fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def around(model: Any, X: Any, weight: float) -> Neighbourhood | None:
    """The neighbourhood of the rows X that a model was fitted to; None where weight is 0 or the model has no codec.

    One interquartile range of a distance counts `weight` interquartile ranges of the model's score.
    """
    if not weight or not hasattr(model, "data_space"):
        return None
    rows = model.encode(X)
    rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[:MAX_REFERENCES]]
    low, _, high = np.quantile(model.score_batch(rows), QUARTILES)
    return _of_references(model.data_space(rows).to(torch.float64), weight * (high - low))


def _of_references(rows: Batch, nats: float) -> Neighbourhood:
    far = robust_distances(rows.values).argsort()
    rows = rows[far]
    n_bulk = max(1, round((1 - FAR_SHARE) * len(rows)))
    unit = torch.ones(2, dtype=torch.float64)
    neighbourhood = Neighbourhood(rows.values, rows.observed, torch.tensor(n_bulk), 0 * unit, unit, torch.tensor(nats))
    low, center, high = torch.nanquantile(
        neighbourhood.distances(rows).T.contiguous(), rows.values.new_tensor(QUARTILES), 1
    )
    return Neighbourhood(
        **neighbourhood.state() | {"center": center, "spread": (high - low).clamp_min(SMALLEST_SPREAD)}
    )


def _parts(n_bulk: int) -> list[slice]:
    """Every PARTS-th reference of the bulk, which is ordered by distance from its middle, so that parts are alike."""
    return [slice(start, n_bulk, PARTS) for start in range(min(PARTS, n_bulk))]


def _nearest_other(squares: Tensor, same: Tensor) -> Tensor:
    """The distance to the nearest reference, one that is the same left out: (rows,), NaN where there is no other."""
    smallest = squares.masked_fill(same, torch.inf).amin(1)
    distance = torch.where(same.sum(1) > 1, 0.0, smallest).sqrt()
    return distance.masked_fill(torch.isinf(distance), torch.nan)
