"""How far a row is from the rows of training, in the space of the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from anomalib_vae.codec.batch import Batch
from anomalib_vae.scoring.bulk import robust_distances

MAX_REFERENCES = 3000  # training rows that are kept to measure distances from
FAR_SHARE = 0.1  # of the references: those farthest from the bulk, which may be anomalies themselves
PARTS = 3  # of the bulk: the mean of so many nearest distances is steadier than one
CHUNK = 512  # rows at once: few enough that their distances to one part of the references stay in the caches
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
        largest = max(len(self.values[part]) for part in self._slices)
        # made once: new memory for each product would take longer than the product
        space = self.values.new_empty(2, min(CHUNK, len(rows)) * largest)
        starts = range(0, len(rows), CHUNK)
        smallest = torch.cat([self._smallest(rows[at : at + CHUNK].to(torch.float64), space) for at in starts])
        to_parts = _nearest_other(smallest[:, : len(_parts(int(self.n_bulk)))])
        nearest = _nearest_other(smallest.flatten(1).sort(1).values[:, :2])
        return torch.stack([nearest, to_parts.nanmean(1)], 1)

    def _smallest(self, rows: Batch, space: Tensor) -> Tensor:
        """The two smallest squared distances to each part of the references, (rows, parts, 2), 0 to those the same as
        the row; the second is infinite where the first is not 0, for then nobody asks."""
        same = SAME * (1 + rows.values.square().sum(1))
        return torch.stack([_two_smallest(squares, same) for squares in self._squares(rows, space)], 1)

    def _squares(self, rows: Batch, space: Tensor) -> Iterator[Tensor]:
        """Squared distances to the references of each part of the bulk, then to the far ones, (rows, references).

        They lie in space, each in the place of the one before.
        """
        values, squares = rows.values, rows.values.square()
        if rows.is_complete and self._weights is not None:
            left = torch.cat([values, squares.sum(1, keepdim=True), values.new_ones(len(rows), 1)], 1)
            yield from (_product(left, weights, space[0]) for weights in self._weights)
            return
        left = torch.cat([values, squares, rows.observed], 1)
        for weights, observed in self._weights_of_cells:
            shared = _product(rows.observed, observed, space[0])
            known = _product(left, weights, space[1]).mul_(values.shape[1]).div_(shared)
            yield known.masked_fill_(shared == 0, torch.inf)

    @cached_property
    def _weights(self) -> list[Tensor] | None:
        """|x - y|² is a product of (x, |x|², 1) and these (-2 y, 1, |y|²); None where references miss cells."""
        if not self.observed.all():
            return None
        length = self.values.square().sum(1, keepdim=True)
        columns = torch.cat([-2 * self.values, torch.ones_like(length), length], 1)
        return [columns[part].T.contiguous() for part in self._slices]

    @cached_property
    def _weights_of_cells(self) -> list[tuple[Tensor, Tensor]]:
        """The same over the cells that both have, a product of (x, x², observed), and the references' observed."""
        columns = torch.cat([-2 * self.values, self.observed, self.values.square()], 1)
        return [(columns[part].T.contiguous(), self.observed[part].T.contiguous()) for part in self._slices]

    @property
    def _slices(self) -> list[slice]:
        """The parts of the bulk and the far references, where there are any."""
        n_bulk = int(self.n_bulk)
        return _parts(n_bulk) + [slice(n_bulk, None)] * (n_bulk < len(self.values))

    def state(self) -> dict[str, Tensor]:
        """The fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def around(model: Any, X: Any, weight: float) -> Neighbourhood | None:
    """The neighbourhood of the rows X that a model was fitted to; None where weight is 0 or the model has no codec.

    One interquartile range of a distance counts `weight` interquartile ranges of the model's score.
    """
    if not weight or not hasattr(model, "data_space"):
        return None
    rows = model.rows(X)
    rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[:MAX_REFERENCES].numpy()]
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


def _product(left: Tensor, right: Tensor, space: Tensor) -> Tensor:
    """The product of two matrices, in space."""
    shape = (len(left), right.shape[1])
    return torch.mm(left, right, out=space[: shape[0] * shape[1]].view(shape))


def _two_smallest(squares: Tensor, same: Tensor) -> Tensor:
    smallest = torch.stack([squares.amin(1), torch.full_like(same, torch.inf)], 1)
    copies = (smallest[:, 0] <= same).nonzero()[:, 0]
    if len(copies):  # few rows, as a rule
        others = squares[copies]
        smallest[copies, 1] = others.scatter_(1, others.argmin(1, keepdim=True), torch.inf).amin(1)
        smallest.masked_fill_(smallest <= same[:, None], 0.0)
    return smallest


def _nearest_other(smallest: Tensor) -> Tensor:
    """The distance to the nearest reference, one that is the same left out: (..., 2) to (...), NaN where there is no
    other."""
    first, second = smallest.unbind(-1)
    nearest = first.where(first > 0, second)
    return nearest.sqrt().masked_fill(nearest.isinf(), torch.nan)
