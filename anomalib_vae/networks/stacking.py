"""What fills a missing cell: several predictions, weighed column by column on cells that none of them has seen."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from anomalib_vae.codec.batch import Batch, Layout

PRIOR_CELLS = 90.0  # a column with as many held-out cells leans as much on itself as on all columns together
COMMON_CELLS = 300.0  # that spoke for the first prediction beforehand: where there are few, chance would decide
FAR = 3.0  # standard deviations: a few cells further away would decide the weights by themselves
FAINT = 1e-9  # of squared differences: without any evidence all weigh the same
RESAMPLES = 50  # whose best weights are averaged: a few other cells would change them less
SEED = 0  # of these
DIGITS = 4  # of weights: sums differ in their last bits by where they lie in memory, and alike predictions amplify that


class Stacking(nn.Module):
    """A linear combination of predictions (Wolpert 1992, "Stacked generalization"; Breiman 1996, "Stacked
    regressions").

    A Gaussian's conditional mean, which comes first, is hard to beat where rows are few or tails are heavy; a network
    wherever the columns depend on each other in other than straight lines; rows that are alike where a network is too
    smooth.  The weights are means over resamples (Breiman 1996, "Bagging predictors").

    weights: of each prediction in each target, (predictions, targets), none negative, 1 in all; the last one has them
    before `fit`.
    """

    weights: Tensor

    def __init__(self, layout: Layout, predictions: int):
        super().__init__()
        self.layout = layout
        alone = [[0.0]] * (predictions - 1) + [[1.0]]
        self.register_buffer("weights", torch.tensor(alone).repeat(1, len(layout.targets)))

    def fit(self, rows: Batch, seen: Batch, predictions: list[Tensor]) -> None:
        """Learn the weights from cells that are observed in rows and hidden in seen, both (rows, features).

        predictions: (rows, targets) each, given the seen cells, by what was fitted to these alone.
        """
        held_out = (rows.observed - seen.observed)[:, self.layout.targets]
        first, truth = predictions[0], rows.values[:, self.layout.targets]
        differences = torch.stack([(part - first).clamp(-FAR, FAR) * held_out for part in predictions])
        error = (truth - first).clamp(-FAR, FAR) * held_out
        columns = torch.tensor(self.layout.column_of_target, device=first.device)
        shares = _bootstrap(len(rows)).to(first)

        def by_column(products: Tensor) -> Tensor:
            """(..., rows, targets) to (resamples, columns, ...)."""
            sums = shares @ products
            found = sums.new_zeros((*sums.shape[:-1], len(self.layout.blocks)))
            return found.index_add_(-1, columns, sums).movedim((-2, -1), (0, 1))

        agreement, spread = by_column(differences * error), by_column(differences[:, None] * differences)
        weights = _weigh(agreement, spread, by_column(held_out)).mean(0)[columns].T
        weights = weights.round(decimals=DIGITS)
        self.weights = weights.scatter_add(0, weights.argmax(0, keepdim=True), 1.0 - weights.sum(0, keepdim=True))

    def error(self, rows: Batch, seen: Batch, predictions: list[Tensor]) -> Tensor:
        """The sum of squared differences from these cells, as in `fit`."""
        targets = self.layout.targets
        held_out = (rows.observed - seen.observed)[:, targets]
        return ((self(predictions) - rows.values[:, targets]).clamp(-FAR, FAR).square() * held_out).sum()

    def forward(self, predictions: list[Tensor]) -> Tensor:
        """Their weighed mean, (..., rows, targets) as each of them."""
        return sum(weight * part for weight, part in zip(self.weights, predictions, strict=True))


def _bootstrap(rows: int) -> Tensor:
    """How much each row counts in each resample, (resamples, rows), 1 on average (Rubin 1981, "The Bayesian
    bootstrap")."""
    generator = torch.Generator().manual_seed(SEED)
    shares = torch.empty(RESAMPLES, rows, dtype=torch.float64).exponential_(generator=generator)
    return shares / shares.mean(1, keepdim=True)


def _weigh(agreement: Tensor, spread: Tensor, cells: Tensor) -> Tensor:
    """The best weights in each column of each resample, (resamples, columns, k).

    agreement: of what each prediction adds to the first with what that lacks, (resamples, columns, k); spread: of what
    they add with each other, (resamples, columns, k, k); cells: held out, (resamples, columns).
    """
    faint = FAINT * torch.eye(spread.shape[-1]).to(spread)
    cells = cells.clamp_min(1.0)
    doubt = 1.0 + COMMON_CELLS / cells.sum(1)
    common = _best_weights(doubt[:, None, None] * spread.sum(1) + faint, agreement.sum(1))
    prior = PRIOR_CELLS / cells[..., None, None] * spread + faint
    leaning = agreement + (prior @ common[:, None, :, None])[..., 0]
    return _best_weights((spread + prior).flatten(0, 1), leaning.flatten(0, 1)).view_as(agreement)


def _best_weights(spread: Tensor, agreement: Tensor) -> Tensor:
    """The w that minimise w'Sw - 2a'w, none negative and 1 in all, for each S, (n, k, k), and a, (n, k): (n, k).

    Of each set of weights that may be others than 0 the best ones, and of all these sets the best one.
    """
    best, least = torch.zeros_like(agreement), torch.full_like(agreement[:, 0], torch.inf)
    experts = range(agreement.shape[1])
    for some in itertools.chain.from_iterable(itertools.combinations(experts, size + 1) for size in experts):
        weights = torch.zeros_like(agreement)
        weights[:, list(some)] = _balanced(spread[:, list(some)][..., list(some)], agreement[:, list(some)])
        loss = ((spread @ weights[..., None])[..., 0] * weights).sum(1) - 2 * (agreement * weights).sum(1)
        better = (weights >= 0).all(1) & (loss < least)
        best, least = torch.where(better[:, None], weights, best), torch.where(better, loss, least)
    return best


def _balanced(spread: Tensor, agreement: Tensor) -> Tensor:
    """The same with weights of either sign, by Lagrange's multiplier."""
    sizes = spread.diagonal(dim1=1, dim2=2).amax(1).clamp_min(FAINT)[:, None]
    count, one = agreement.shape[1], torch.ones_like(agreement[:, :1])
    system = torch.ones((len(spread), count + 1, count + 1), dtype=spread.dtype, device=spread.device)
    system[:, :count, :count], system[:, count, count] = spread / sizes[..., None], 0.0
    return torch.linalg.lstsq(system, torch.cat([agreement / sizes, one], 1)[..., None]).solution[:, :count, 0]
