"""What rows of training that are like a row have where it has a gap."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from anomalib_vae.codec.batch import Layout
from anomalib_vae.networks.conditional_gaussian import ConditionalGaussian
from anomalib_vae.networks.kept_rows import KeptRows

MOST = 5000  # rows that may give: the more, the better, and the longer it takes
CANDIDATES = 20  # that are looked at closely
NEAREST = 10  # of them that give: the nearest most, the last of them next to nothing
GROUP = 16  # donors of which the nearest is looked for first
LEAST = 1e-3  # of a donor's weight, against the nearest one's
FAINT = 1e-12


class Donors(KeptRows):
    """Nearest neighbours give their cells (Andridge & Little 2010, "A review of hot deck imputation").

    How much two rows differ, as far as one column is concerned, is a matter of the other columns by which a Gaussian
    predicts it: each counts by the size of its coefficients.

    rows: (donors, targets), gaps filled in; no donors before `fit`.  given: (donors, columns), 1 where a cell was
    observed.  relevance: (columns, targets), of each target for a column, summing up to 1.
    """

    kept = ("rows", "given")
    rows: Tensor
    given: Tensor
    relevance: Tensor
    column: Tensor

    def __init__(self, layout: Layout):
        super().__init__()
        self.layout, targets, columns = layout, len(layout.targets), len(layout.blocks)
        for name, width in (("rows", targets), ("given", columns)):
            self.register_buffer(name, torch.zeros(0, width))
        self.register_buffer("relevance", torch.zeros(columns, targets))
        self.prepared: Search | None = None
        self.register_buffer("column", torch.tensor(layout.column_of_target, dtype=torch.long), persistent=False)

    def fit(self, completed: Tensor, observed: Tensor, gaussian: ConditionalGaussian) -> None:
        """Take the first rows, (rows, targets), as donors of their observed cells, (rows, columns)."""
        # float32's precision: the last bits of sums depend on where in memory they were made
        self.rows, self.given = completed[:MOST].float().to(completed), observed[:MOST].to(completed)
        coefficients = gaussian.coefficients(self.layout.targets, self.column)
        sizes = torch.zeros_like(self.relevance).index_add_(0, self.column, coefficients.square().to(self.relevance))
        self.relevance = sizes.sqrt() / sizes.sqrt().sum(1, keepdim=True).clamp_min(FAINT)

    def forget(self) -> None:
        """Be without donors again."""
        self.rows, self.given, self.prepared = self.rows[:0], self.given[:0], None

    def forward(self, completed: Tensor, missing: Tensor) -> Tensor:
        """What donors give where cells are missing, (rows, columns) of bool, and elsewhere the rows as they are:
        (rows, targets)."""
        donated, search = completed.clone(), self._search()
        for position in torch.nonzero(missing.any(0) & (self.given.sum(0) > 0)).flatten().tolist():
            asking, mine = torch.nonzero(missing[:, position]), torch.nonzero(self.column == position).flatten()
            rows, relevance = completed[asking[:, 0]].float(), self.relevance[position].float()
            rough = torch.addmm(search.lengths[position], rows * relevance, search.rows.T, alpha=-2)
            near = _smallest(rough, CANDIDATES)
            candidates = torch.nn.functional.embedding(near, search.rows)
            distances = (candidates - rows[:, None]).square_().mul_(relevance).sum(-1)
            distances.masked_fill_(search.given[near, position] == 0, torch.inf)
            donated[asking, mine] = self._given_to(distances, near, mine)
        return donated

    def _given_to(self, distances: Tensor, near: Tensor, mine: Tensor) -> Tensor:
        """Some targets, (rows, those), from the nearest of the donors near each row, both (rows, near)."""
        # few digits, so that donors that are as near stay so, whatever rows stand beside this one
        nearest, at = distances.topk(min(NEAREST, distances.shape[1]), 1, largest=False)
        last = nearest.masked_fill(nearest.isinf(), 0.0).amax(1, keepdim=True)
        weights = (1.0 + LEAST - nearest / (last + FAINT)).clamp_min(0.0).to(self.rows)
        cells = self.rows[:, mine][near.gather(1, at).clamp_max(len(self.rows) - 1)]  # what fills groups weighs nothing
        return (weights[..., None] * cells).sum(1) / weights.sum(1, keepdim=True)

    def _search(self) -> Search:
        if self.prepared is None or self.prepared.of is not self.rows:
            lengths = torch.where(self.given.T > 0, self.relevance @ self.rows.square().T, torch.inf)
            spare = -len(self.rows) % GROUP
            padded = torch.nn.functional.pad(self.rows, (0, 0, 0, spare))
            lengths = torch.nn.functional.pad(lengths, (0, spare), value=torch.inf)
            given = torch.nn.functional.pad(self.given, (0, 0, 0, spare))
            self.prepared = Search(self.rows, padded.float(), lengths.float(), given)
        return self.prepared


class Search(NamedTuple):
    """Donors in float32, as many as fill groups; their lengths in the metric of each column are infinite where they
    have nothing to give."""

    of: Tensor
    rows: Tensor
    lengths: Tensor
    given: Tensor


def _smallest(values: Tensor, count: int) -> Tensor:
    """Where the smallest of each row are, (rows, count), or all of them where there are no more.

    They are in the groups whose own smallest are the smallest, which takes a third of the time of a search of all."""
    grouped = values.view(len(values), GROUP, -1)
    groups = grouped.shape[-1]
    if groups <= count:
        return values.topk(min(count, values.shape[1]), 1, largest=False).indices
    chosen = grouped.amin(1).topk(count, 1, largest=False).indices
    few = grouped.gather(2, chosen[:, None].expand(-1, GROUP, -1)).flatten(1)
    at = few.topk(count, 1, largest=False).indices
    return at // count * groups + chosen.gather(1, at % count)
