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
COUNTS = (3, 10, 30, 80)  # of the nearest that give to a row: the nearer the more, the last next to nothing
TRIALS = 500  # rows by which a column's count is chosen
GROUP = 16  # donors of which the nearest alone is looked at to see how far away so many of them are
LEAST = 1e-3  # that the last of them weighs, against one at no distance
FAR = 3.0  # standard deviations: a few cells further away would decide a count by themselves
ALONE = 0.1  # of a column's error, to be saved by donors of its own: these take as long to find as those of all others
NEAR = 1e-4  # squared standard deviations: added to how far donors reach, lest the last digits of distances decide
FAINT = 1e-12  # what the donors that are not near weigh: they give where none of the near ones has anything
AT_ONCE = 64  # rows whose distances to all donors fit in a core's cache


class Donors(KeptRows):
    """Nearest neighbours give their cells (Andridge & Little 2010, "A review of hot deck imputation"), as they are, and
    with what a line makes of the difference between the row and them (Abadie & Imbens 2011, "Bias-corrected matching
    estimators for average treatment effects").

    How near a donor is, a row's observed columns tell: each counts by the size of its coefficients when a Gaussian
    predicts the missing ones.  So a row has the same donors for all that it misses, but for the columns whose cells are
    much better told by donors of their own.

    rows: (donors, targets), gaps filled in; no donors before `fit`.  given: (donors, columns), 1 where a cell was
    observed.  coefficients: of that line, (targets, targets); none before `fit`.  count: of the nearest that give to a
    column what they have; alone: whether it has donors of its own; (columns,) each.
    """

    kept = ("rows", "given", "coefficients")
    rows: Tensor
    given: Tensor
    coefficients: Tensor
    count: Tensor
    alone: Tensor
    column: Tensor

    def __init__(self, layout: Layout):
        super().__init__()
        self.layout, targets, columns = layout, len(layout.targets), len(layout.blocks)
        for name, width in (("rows", targets), ("given", columns), ("coefficients", targets)):
            self.register_buffer(name, torch.zeros(0, width))
        self.register_buffer("count", torch.full((columns,), COUNTS[0]))
        self.register_buffer("alone", torch.zeros(columns, dtype=torch.bool))
        self.prepared: Search | None = None
        self.register_buffer("column", torch.tensor(layout.column_of_target, dtype=torch.long), persistent=False)

    def fit(self, completed: Tensor, observed: Tensor, gaussian: ConditionalGaussian) -> None:
        """`take` rows, and find out which of them are to give to a column."""
        self.take(completed, observed, gaussian)
        trials = [self._tried(position) for position in range(len(self.count))]
        together, own = torch.tensor(trials).unbind(1)
        self.alone = (own.amin(1) < (1.0 - ALONE) * together.amin(1)).to(self.alone)
        best = torch.where(self.alone.cpu()[:, None], own, together).argmin(1)
        self.count = torch.tensor(COUNTS)[best].to(self.count)
        self.prepared = None

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

    def forward(self, completed: Tensor, observed: Tensor) -> list[Tensor]:
        """What donors give where cells are missing, as it is and by the line, and the rows as they are elsewhere:
        (rows, targets) each.

        completed: rows without gaps, (rows, targets); observed: 0 where they had one, (rows, columns).
        """
        found = [completed.clone(), completed.clone()]
        for group in self._search().groups:
            asked = (observed == 0) & group.members
            for few in torch.nonzero(asked.any(1)).flatten().split(AT_ONCE) if asked.any() else ():
                some = few[enough(len(few))]
                given = self._given(completed[some].float(), observed[some].float(), group)
                for whole, part in zip(found, given, strict=True):
                    missing = asked[few][:, self.column]
                    whole[few] = torch.where(missing, part[: len(few)].to(whole), whole[few])
        return found

    def _given(self, rows: Tensor, observed: Tensor, group: Group) -> tuple[Tensor, Tensor]:
        """What donors give to rows in a group of columns, as they are and by the line: (rows, targets) each."""
        distances = self._distances(rows, observed, group.relevance)
        nearest = _nearest(distances, max(group.by_count))
        plain, residuals = torch.zeros_like(rows), torch.zeros_like(rows)
        for count, part in group.by_count.items():
            plain[:, part.targets], residuals[:, part.targets] = part.means(_weights(distances, nearest, count))
        return plain, rows @ self._search().line + residuals

    def _distances(self, rows: Tensor, observed: Tensor, relevance: Tensor) -> Tensor:
        """From rows, (rows, targets), to each donor by the observed columns, (rows, columns): (rows, donors).

        relevance: of targets for the columns that are asked for, (columns, targets), 0 for others."""
        weights = ((1.0 - observed) @ relevance) * observed[:, self.column]
        weights /= weights.sum(1, keepdim=True).clamp_min(FAINT)
        weighed = weights * rows
        distances = torch.cat([-2.0 * weighed, weights], 1) @ self._search().features
        return distances.add_((weighed * rows).sum(1, keepdim=True)).clamp_min_(0.0)

    def _tried(self, position: int) -> tuple[list[float], list[float]]:
        """By leave-one-out: how far off the donors' own cells of a column are with each of COUNTS, if its donors are
        those of all columns, and if they are its own."""
        relevance = self.relevance.float()
        own = torch.zeros_like(relevance)
        own[position] = relevance[position]
        return self._errors(position, relevance), self._errors(position, own)

    def _errors(self, position: int, relevance: Tensor) -> list[float]:
        trials, line = torch.nonzero(self.given[:, position] > 0).flatten()[:TRIALS], self._search().line
        part, errors = self._part(torch.tensor([position], device=self.column.device)), [0.0] * len(COUNTS)
        for few in trials.split(AT_ONCE) if len(self.rows) > 1 else ():
            rows, observed = self.rows[few].float(), self.given[few].float()
            observed[:, position] = 0.0
            distances = self._distances(rows, observed, relevance).scatter_(1, few[:, None], torch.inf)
            nearest = _nearest(distances, min(COUNTS[-1], len(self.rows) - 1))
            truth = rows[:, part.targets] - rows @ line[:, part.targets]
            for i, count in enumerate(COUNTS):
                _, residuals = part.means(_weights(distances, nearest, count))
                errors[i] += float((residuals - truth).clamp(-FAR, FAR).square().sum())
        return errors

    def _search(self) -> Search:
        if self.prepared is None or self.prepared.of is not self.rows:
            features = torch.cat([self.rows, self.rows.square()], 1).T.float()
            each = torch.eye(len(self.alone), dtype=torch.bool, device=self.alone.device)
            groups = torch.cat([~self.alone[None], each[self.alone]]) & (self.given.sum(0) > 0)
            found = [self._group(some) for some in groups if some.any()]
            self.prepared = Search(self.rows, features, self.coefficients.mT.float(), found)
        return self.prepared

    def _group(self, members: Tensor) -> Group:
        """Of columns, (columns,) of bool."""
        counts = self.count[members].unique().tolist()
        by_count = {count: self._part(torch.nonzero(members & (self.count == count)).flatten()) for count in counts}
        return Group(members, self.relevance.float() * members[:, None], by_count)

    def _part(self, columns: Tensor) -> Part:
        """Of columns, (columns,), in ascending order."""
        targets = torch.nonzero(torch.isin(self.column, columns)).flatten()
        column, given = torch.searchsorted(columns, self.column[targets]), self.given[:, columns]
        cells, residuals = self.rows[:, targets], (self.rows - self.rows @ self.coefficients.mT)[:, targets]
        both = torch.cat([cells, residuals], 1) * given[:, column].repeat(1, 2)
        everything = torch.cat([both, given], 1).float()
        return Part(targets, column, everything, FAINT * everything.sum(0))


class Part(NamedTuple):
    """What donors have in some columns.

    targets: of these columns.  column: of each of them, among these.  cells: side by side their cells, how far these
    are from the line, (donors, targets) each, 0 where they have none, and whether they have one, (donors, columns).
    faint: what all of them together weigh in any mean, (2 x targets + columns,).
    """

    targets: Tensor
    column: Tensor
    cells: Tensor
    faint: Tensor

    def means(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Of cells, and of how far they are from the line, by weights of the donors, (rows, donors): (rows, targets)
        each."""
        sums = torch.addmm(self.faint, weights, self.cells)
        cells, residuals, given = sums.tensor_split([len(self.targets), 2 * len(self.targets)], 1)
        given = given[:, self.column]
        return cells / given, residuals / given


class Group(NamedTuple):
    """Columns that have the same donors, whom they may ask in different numbers.

    members: (columns,) of bool.  relevance: see `Donors`; 0 for other columns.  by_count: those that so many give to.
    """

    members: Tensor
    relevance: Tensor
    by_count: dict[int, Part]


class Search(NamedTuple):
    """Donors in float32: `of` whom; features: as products with rows want them, (2 x targets, donors); line: (targets,
    targets); groups of columns."""

    of: Tensor
    features: Tensor
    line: Tensor
    groups: list[Group]


def _nearest(distances: Tensor, count: int) -> Tensor:
    """How far so many donors are that are nearest to each row, the nearest first, (rows, count), of (rows, donors); all
    of them, where there are no more.

    Of each group the nearest alone is looked at, which is nearly as good and takes a quarter of the time."""
    groups = distances.shape[1] // GROUP
    if groups > 3 * count:
        distances = distances[:, : groups * GROUP].view(len(distances), GROUP, groups).amin(1)
    return distances.topk(min(count, distances.shape[1]), 1, largest=False).values


def _weights(distances: Tensor, nearest: Tensor, count: int) -> Tensor:
    """Of donors at these distances, (rows, donors): the nearer the more, beyond so many of the nearest nothing."""
    reach = nearest[:, min(count, nearest.shape[1]) - 1, None]
    return ((1.0 + LEAST) * (reach + NEAR) - distances).clamp_min_(0.0)
