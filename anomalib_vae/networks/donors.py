"""What rows of training that are like a row have where it has a gap."""

from __future__ import annotations

import torch
from torch import Tensor

from anomalib_vae.codec.batch import Layout
from anomalib_vae.networks.conditional_gaussian import ConditionalGaussian
from anomalib_vae.networks.kept_rows import KeptRows

MOST = 5000  # rows that may give: the more, the better, and the longer it takes
CANDIDATES = 20  # that are looked at closely
NEAREST = 10  # of them that give: the nearest most, the last of them next to nothing
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
        self.register_buffer("column", torch.tensor(layout.column_of_target, dtype=torch.long), persistent=False)

    def fit(self, completed: Tensor, observed: Tensor, gaussian: ConditionalGaussian) -> None:
        """Take the first rows, (rows, targets), as donors of their observed cells, (rows, columns)."""
        # float32's precision: the last bits of sums depend on where in memory they were made
        self.rows, self.given = completed[:MOST].float().to(completed), observed[:MOST].to(completed)
        coefficients = gaussian.coefficients(self.layout.targets, self.column)
        sizes = torch.zeros_like(self.relevance).index_add_(0, self.column, coefficients.square().to(self.relevance))
        self.relevance = sizes.sqrt() / sizes.sqrt().sum(1, keepdim=True).clamp_min(FAINT)

    def forward(self, completed: Tensor, missing: Tensor) -> Tensor:
        """What donors give where cells are missing, (rows, columns) of bool, and elsewhere the rows as they are:
        (rows, targets)."""
        donated, transposed = completed.clone(), self.rows.float().T
        lengths = torch.where(self.given.T > 0, self.relevance @ self.rows.square().T, torch.inf).float()
        for position in torch.nonzero(missing.any(0) & (self.given.sum(0) > 0)).flatten().tolist():
            asking, mine = torch.nonzero(missing[:, position]), torch.nonzero(self.column == position).flatten()
            rows = completed[asking[:, 0]]
            wanted = (rows * self.relevance[position]).float()
            rough = torch.addmm(lengths[position], wanted, transposed, alpha=-2)
            near = rough.topk(min(CANDIDATES, len(self.rows)), 1, largest=False).indices
            donated[asking, mine] = self._given_to(rows, position, near)
        return donated

    def _given_to(self, rows: Tensor, position: int, near: Tensor) -> Tensor:
        """The targets of a column, (rows, targets of it), from the nearest of the donors near each row."""
        candidates = self.rows[near]
        distances = ((candidates - rows[:, None]).square() @ self.relevance[position]).float()
        distances = distances.masked_fill(self.given[near, position] == 0, torch.inf)
        # rounded, so that donors that are as near stay so, whatever rows stand beside this one
        nearest, at = distances.topk(min(NEAREST, distances.shape[1]), 1, largest=False)
        last = nearest.masked_fill(nearest.isinf(), 0.0).amax(1, keepdim=True)
        weights = (1.0 + LEAST - nearest / (last + FAINT)).clamp_min(0.0).to(rows)
        cells = candidates[torch.arange(len(at), device=at.device)[:, None], at][..., self.column == position]
        return (weights[..., None] * cells).sum(1) / weights.sum(1, keepdim=True)
