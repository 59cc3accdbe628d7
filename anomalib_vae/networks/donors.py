"""What rows of training that are like a row have where it has a gap."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from anomalib_vae.codec.batch import Layout
from anomalib_vae.networks.conditional_gaussian import ConditionalGaussian
from anomalib_vae.networks.kept_rows import KeptRows
from anomalib_vae.networks.steady import enough

MOST = 5000  # rows that may give: the more, the better, and the longer it takes
COUNTS = (5, 10, 20, 40, 80)  # of donors that give to a row: the nearest most, the last of them next to nothing
TRIALS = 500  # rows by which a column's count is chosen
GROUP = 16  # donors of which the nearest alone is looked at to see how far away so many of them are
LEAST = 1e-3  # of a donor's weight, against the nearest one's
FAR = 3.0  # standard deviations: a few cells further away would decide a count by themselves
NEAR = 1e-4  # squared standard deviations: added to how far donors reach, lest the last digits of distances decide
FAINT = 1e-12
AT_ONCE = 64  # rows whose distances to all donors fit in a core's cache


class Donors(KeptRows):
    """Nearest neighbours give their cells (Andridge & Little 2010, "A review of hot deck imputation"), as they are, and
    with what a line makes of the difference between the row and them (Abadie & Imbens 2011, "Bias-corrected matching
    estimators for average treatment effects").

    How much two rows differ, as far as one column is concerned, is a matter of the other columns by which a Gaussian
    predicts it: each counts by the size of its coefficients.

    rows: (donors, targets), gaps filled in; no donors before `fit`.  given: (donors, columns), 1 where a cell was
    observed.  coefficients: of that line, (targets, targets); none before `fit`.  count: of donors that give to a
    column, (columns,).
    """

    kept = ("rows", "given", "coefficients")
    rows: Tensor
    given: Tensor
    coefficients: Tensor
    count: Tensor
    column: Tensor

    def __init__(self, layout: Layout):
        super().__init__()
        self.layout, targets, columns = layout, len(layout.targets), len(layout.blocks)
        for name, width in (("rows", targets), ("given", columns), ("coefficients", targets)):
            self.register_buffer(name, torch.zeros(0, width))
        self.register_buffer("count", torch.full((columns,), COUNTS[0]))
        self.prepared: Search | None = None
        self.register_buffer("column", torch.tensor(layout.column_of_target, dtype=torch.long), persistent=False)

    def fit(self, completed: Tensor, observed: Tensor, gaussian: ConditionalGaussian) -> None:
        """`take` rows, and find out how many of them are to give to a column."""
        self.take(completed, observed, gaussian)
        self.count = torch.tensor([self._best_count(i) for i in range(len(self.count))], device=self.count.device)

    def take(self, completed: Tensor, observed: Tensor, gaussian: ConditionalGaussian) -> None:
        """Have the first rows, (rows, targets), as donors of their observed cells, (rows, columns)."""
        # float32's precision: the last bits of sums depend on where in memory they were made
        self.rows, self.given = completed[:MOST].float().to(completed), observed[:MOST].to(completed)
        self.coefficients = gaussian.coefficients(self.layout.targets, self.column).float().to(completed)

    def forget(self) -> None:
        """Be without donors again."""
        self.rows, self.given, self.coefficients = self.rows[:0], self.given[:0], self.coefficients[:0]
        self.prepared = None

    @property
    def relevance(self) -> Tensor:
        """Of each target for a column, (columns, targets), summing up to 1."""
        squares = torch.zeros(len(self.count), len(self.column)).to(self.rows)
        sizes = squares.index_add_(0, self.column, self.coefficients.square()).sqrt()
        return sizes / sizes.sum(1, keepdim=True).clamp_min(FAINT)

    def forward(self, completed: Tensor, missing: Tensor) -> list[Tensor]:
        """What donors give where cells are missing, (rows, columns) of bool, as it is and by the line; elsewhere the
        rows as they are: (rows, targets) each."""
        found = [completed.clone(), completed.clone()]
        for position in torch.nonzero(missing.any(0) & (self.given.sum(0) > 0)).flatten().tolist():
            asking, mine = torch.nonzero(missing[:, position]), torch.nonzero(self.column == position).flatten()
            for few in asking.split(AT_ONCE):
                rows = completed[few[enough(len(few)), 0]].float()
                distances = self._distances(rows, position)
                weights = _weights(distances, _last(_nearest(distances, int(self.count[position]))))
                for whole, part in zip(found, self._given(rows, position, weights), strict=True):
                    whole[few, mine] = part[: len(few)].to(whole)
        return found

    def _distances(self, rows: Tensor, position: int) -> Tensor:
        """From rows, (rows, targets), to each donor in the metric of a column, infinite where it has nothing to give:
        (rows, donors)."""
        search = self._search()
        weighed = rows * search.relevance[position]
        distances = torch.addmm(search.lengths[position], weighed, search.rows.T, alpha=-2)
        return distances.add_((weighed * rows).sum(1, keepdim=True)).clamp_min_(0.0)

    def _given(self, rows: Tensor, position: int, weights: Tensor) -> tuple[Tensor, Tensor]:
        """A column of rows by the weights of donors, as they are and by the line: (rows, targets of the column)
        each."""
        cells, line = self._search().of_column[position]
        plain, residuals = ((weights @ cells) / weights.sum(1, keepdim=True)).chunk(2, 1)
        return plain, rows @ line + residuals

    def _best_count(self, position: int) -> int:
        """By leave-one-out: that which gives donors' own cells best, as if they were missing."""
        own = torch.nonzero(self.given[:, position] > 0).flatten()[:TRIALS]
        mine, errors = torch.nonzero(self.column == position).flatten(), dict.fromkeys(COUNTS, 0.0)
        for few in own.split(AT_ONCE) if len(own) > 1 else ():
            rows = self._search().rows[few]
            distances = self._distances(rows, position).scatter_(1, few[:, None], torch.inf)
            nearest = _nearest(distances, COUNTS[-1])
            for count in COUNTS:
                given, _ = self._given(rows, position, _weights(distances, _last(nearest[:, :count])))
                errors[count] += float((given - rows[:, mine]).clamp(-FAR, FAR).square().sum())
        return min(COUNTS, key=errors.__getitem__)

    def _search(self) -> Search:
        if self.prepared is None or self.prepared.of is not self.rows:
            relevance, residuals = self.relevance, self.rows - self.rows @ self.coefficients.mT
            lengths = torch.where(self.given.T > 0, relevance @ self.rows.square().T, torch.inf)
            parts = [torch.nonzero(self.column == i).flatten() for i in range(len(self.count))]
            of_column = [
                (torch.cat([self.rows[:, mine], residuals[:, mine]], 1).float(), self.coefficients[mine].mT.float())
                for mine in parts
            ]
            self.prepared = Search(self.rows, self.rows.float(), relevance.float(), lengths.float(), of_column)
        return self.prepared


class Search(NamedTuple):
    """Donors in float32.

    relevance: see `Donors`.  lengths: in the metric of each column, (columns, donors), infinite where they have nothing
    to give.  of_column: of each column the cells that they give and how far these are from the line, side by side,
    (donors, 2 x targets of the column), and the line, (targets, targets of the column).
    """

    of: Tensor
    rows: Tensor
    relevance: Tensor
    lengths: Tensor
    of_column: list[tuple[Tensor, Tensor]]


def _nearest(distances: Tensor, count: int) -> Tensor:
    """How far so many donors are that are nearest to each row, the nearest first, (rows, count), of (rows, donors); all
    of them, where there are no more.

    Of each group the nearest alone is looked at, which is nearly as good and takes a quarter of the time."""
    groups = distances.shape[1] // GROUP
    if groups > 3 * count:
        distances = distances[:, : groups * GROUP].view(len(distances), GROUP, groups).amin(1)
    return distances.topk(min(count, distances.shape[1]), 1, largest=False).values


def _last(nearest: Tensor) -> Tensor:
    """How far the last of them is that has something to give: (rows, 1)."""
    return nearest.masked_fill(nearest.isinf(), 0.0).amax(1, keepdim=True)


def _weights(distances: Tensor, reach: Tensor) -> Tensor:
    """Of donors at these distances, (rows, donors): the nearer the more, beyond this reach, (rows, 1), nothing."""
    return (distances / -(reach + NEAR)).add_(1.0 + LEAST).clamp_min_(0.0)
