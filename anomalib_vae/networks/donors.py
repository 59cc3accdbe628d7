"""What rows of training that are like a row have where it has a gap."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from anomalib_vae.codec.batch import Layout
from anomalib_vae.networks.conditional_gaussian import ConditionalGaussian
from anomalib_vae.networks.kept_rows import KeptRows

MOST = 5000  # rows that may give: the more, the better, and the longer it takes
COUNTS = (5, 10, 20, 40, 80)  # of donors that give to a row: the nearest most, the last of them next to nothing
TRIALS = 1000  # rows by which a column's count is chosen
SPARE = 10  # looked at closely beyond those that give
GROUP = 16  # donors of which the nearest is looked for first
LEAST = 1e-3  # of a donor's weight, against the nearest one's
FAR = 3.0  # standard deviations: a few cells further away would decide a count by themselves
FAINT = 1e-12


class Donors(KeptRows):
    """Nearest neighbours give their cells (Andridge & Little 2010, "A review of hot deck imputation"), as they are, and
    with what a line makes of the difference between the row and them (Abadie & Imbens 2011, "Bias-corrected matching
    estimators for average treatment effects").

    How much two rows differ, as far as one column is concerned, is a matter of the other columns by which a Gaussian
    predicts it: each counts by the size of its coefficients.

    rows: (donors, targets), gaps filled in; no donors before `fit`.  given: (donors, columns), 1 where a cell was
    observed.  coefficients: of that line, (targets, targets).  count: of donors that give to a column, (columns,).
    """

    kept = ("rows", "given")
    rows: Tensor
    given: Tensor
    coefficients: Tensor
    count: Tensor
    column: Tensor

    def __init__(self, layout: Layout):
        super().__init__()
        self.layout, targets, columns = layout, len(layout.targets), len(layout.blocks)
        for name, width in (("rows", targets), ("given", columns)):
            self.register_buffer(name, torch.zeros(0, width))
        self.register_buffer("coefficients", torch.zeros(targets, targets))
        self.register_buffer("count", torch.full((columns,), COUNTS[0]))
        self.prepared: Search | None = None
        self.register_buffer("column", torch.tensor(layout.column_of_target, dtype=torch.long), persistent=False)

    def fit(self, completed: Tensor, observed: Tensor, gaussian: ConditionalGaussian) -> None:
        """Take the first rows, (rows, targets), as donors of their observed cells, (rows, columns)."""
        # float32's precision: the last bits of sums depend on where in memory they were made
        self.rows, self.given = completed[:MOST].float().to(completed), observed[:MOST].to(completed)
        self.coefficients = gaussian.coefficients(self.layout.targets, self.column).float().to(completed)
        self.count = torch.tensor([self._best_count(i) for i in range(len(self.count))], device=self.count.device)

    def forget(self) -> None:
        """Be without donors again."""
        self.rows, self.given, self.prepared = self.rows[:0], self.given[:0], None

    @property
    def relevance(self) -> Tensor:
        """Of each target for a column, (columns, targets), summing up to 1."""
        squares = torch.zeros(len(self.count), len(self.column)).to(self.rows)
        sizes = squares.index_add_(0, self.column, self.coefficients.square()).sqrt()
        return sizes / sizes.sum(1, keepdim=True).clamp_min(FAINT)

    def forward(self, completed: Tensor, missing: Tensor) -> list[Tensor]:
        """What donors give where cells are missing, (rows, columns) of bool, as it is and by the line; elsewhere the
        rows as they are: (rows, targets) each."""
        donated, adjusted, search = completed.clone(), completed.clone(), self._search()
        for position in torch.nonzero(missing.any(0) & (self.given.sum(0) > 0)).flatten().tolist():
            asking, mine = torch.nonzero(missing[:, position]), torch.nonzero(self.column == position).flatten()
            rows = completed[asking[:, 0]]
            givers = self._nearest(rows, position, int(self.count[position]))
            donated[asking, mine] = _mean(self.rows[:, mine], *givers)
            line = rows @ self.coefficients[mine].mT
            adjusted[asking, mine] = line + _mean(search.residuals[:, mine], *givers)
        return [donated, adjusted]

    def _nearest(self, rows: Tensor, position: int, count: int, own: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """How far so many donors of a column are that are nearest to each row, and which they are, (rows, count) each.

        own: which donor each row is itself, (rows,), where it is not to give."""
        search, few = self._search(), rows.float()
        relevance = search.relevance[position]
        rough = torch.addmm(search.lengths[position], few * relevance, search.rows.T, alpha=-2)
        if own is not None:
            rough.scatter_(1, own[:, None], torch.inf)
        near = _smallest(rough, count + SPARE)
        candidates = torch.nn.functional.embedding(near, search.rows)
        distances = (candidates - few[:, None]).square_().mul_(relevance).sum(-1)
        distances.masked_fill_(rough.gather(1, near).isinf(), torch.inf)
        # few digits, so that donors that are as near stay so, whatever rows stand beside this one
        nearest, at = distances.topk(min(count, distances.shape[1]), 1, largest=False)
        at = near.gather(1, at).clamp_max(len(self.rows) - 1)  # what fills groups has nothing to give
        return nearest.to(self.rows), at

    def _best_count(self, position: int) -> int:
        """By leave-one-out: that which gives donors' own cells best, as if they were missing."""
        own = torch.nonzero(self.given[:, position] > 0).flatten()[:TRIALS]
        mine = torch.nonzero(self.column == position).flatten()
        if len(own) < 2:
            return COUNTS[0]
        distances, at = self._nearest(self.rows[own], position, max(COUNTS), own)

        def error(count: int) -> float:
            given = _mean(self.rows[:, mine], distances[:, :count], at[:, :count])
            return float((given - self.rows[own][:, mine]).clamp(-FAR, FAR).square().sum())

        return min(COUNTS, key=error)

    def _search(self) -> Search:
        if self.prepared is None or self.prepared.of is not self.rows:
            relevance = self.relevance
            lengths = torch.where(self.given.T > 0, relevance @ self.rows.square().T, torch.inf)
            spare = -len(self.rows) % GROUP
            padded = torch.nn.functional.pad(self.rows, (0, 0, 0, spare))
            lengths = torch.nn.functional.pad(lengths, (0, spare), value=torch.inf)
            residuals = self.rows - self.rows @ self.coefficients.mT
            self.prepared = Search(self.rows, residuals, relevance.float(), padded.float(), lengths.float())
        return self.prepared


class Search(NamedTuple):
    """What donors are looked for by.

    residuals: of the donors, (donors, targets), where the line does not reach.  The rest is in float32: relevance, see
    `Donors`; rows, as many as fill groups; and their lengths in the metric of each column, (columns, rows), infinite
    where they have nothing to give.
    """

    of: Tensor
    residuals: Tensor
    relevance: Tensor
    rows: Tensor
    lengths: Tensor


def _mean(cells: Tensor, distances: Tensor, at: Tensor) -> Tensor:
    """Of some donors' cells, (donors, some targets), those at so small distances weighing most, those at infinite ones
    nothing; both (rows, near): (rows, those targets)."""
    last = distances.masked_fill(distances.isinf(), 0.0).amax(1, keepdim=True)
    weights = (1.0 + LEAST - distances / (last + FAINT)).clamp_min(0.0)
    return (weights[..., None] * cells[at]).sum(1) / weights.sum(1, keepdim=True)


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
