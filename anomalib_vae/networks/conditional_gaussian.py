"""A Gaussian through rows with missing cells, and what it expects in these: the best linear prediction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from anomalib_vae.codec.batch import Batch

CHUNK = 128  # rows whose blocks of missing cells are solved at once
MAX_ITERATIONS = 25
FEW = 2000  # rows that EM begins with; on all it takes no more than the last iterations
LAST_ITERATIONS = 4
FURTHER_ITERATIONS = 2  # for a few more cells
GRADIENT_STEPS = 7  # to 3 thousandths of a standard deviation
TRAINING_STEPS = 4  # to 2 or 3 hundredths, of which a network that learns from them does not suffer
TINY = 1e-30  # of a residual that is gone already
TOLERANCE = 5e-3  # of means and covariances of standardised features
MAX_FEATURES = 200  # with more they are taken as independent: a row costs the cube of its missing features


class ConditionalGaussian(nn.Module):
    """x ~ N(centre, covariance) in units of each feature's spread, fitted by EM (Dempster, Laird & Rubin 1977).

    Given the observed part o of a row, with Λ the inverse of the covariance, the missing part m has the covariance
    Λ_mm⁻¹ and the mean centre_m - Λ_mm⁻¹ Λ_mo (x_o - centre_o): a system as large as what is missing, not as what was
    observed.  The covariance is shrunk towards a unit one as if one more row a feature had been seen, which keeps the
    levels of a label, whose sum is 1, invertible.

    Features that are missing together, as those of one column are, form groups; within a group they are turned into
    ones of which each has the precision 1 and none tells of the others, which halves the steps to a conditional mean.

    groups: (features,), whole numbers, or None where each feature is one of its own.
    centre, scale: (features,); precision: Λ, (features, features), or empty where they are too many.  basis: B, of the
    same shape, to the turned features, x B, and back, x B⁻¹; turned: the precision of these.
    """

    groups: Tensor
    centre: Tensor
    scale: Tensor
    precision: Tensor
    basis: Tensor
    back: Tensor
    turned: Tensor

    def __init__(self, features: int, groups: Sequence[int] | None = None):
        super().__init__()
        of_each = torch.tensor(list(range(features) if groups is None else groups))
        self.register_buffer("groups", of_each, persistent=False)
        self.register_buffer("centre", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        for name in ("precision", "basis", "back", "turned"):
            self.register_buffer(name, torch.eye(features if features <= MAX_FEATURES else 0))

    @property
    def knows_lines(self) -> bool:
        """Whether columns say something of each other: not where there are too many of them."""
        return len(self.precision) > 0

    def fit(self, rows: Batch) -> None:
        """Learn from rows (rows, features)."""
        values, observed = rows.values.cpu().double(), rows.observed.cpu().double()  # not every device has float64
        count = observed.sum(0).clamp_min(1.0)
        centre = values.sum(0) / count
        spread = (((values - centre) * observed).square().sum(0) / count).sqrt()
        scale = torch.where(spread > 1e-6, spread, 1.0)
        self._keep(centre=centre, scale=scale)
        if self.knows_lines:
            self._keep_lines(*_em((values - centre) / scale * observed, observed))

    def refit(self, rows: Batch) -> None:
        """Learn from rows that are nearly those of `fit`, from where that ended: in a few iterations."""
        if not self.knows_lines:
            return self.fit(rows)
        centre, scale, precision = (part.cpu().double() for part in (self.centre, self.scale, self.precision))
        values, observed = rows.values.cpu().double(), rows.observed.cpu().double()
        standard = (values - centre) / scale * observed
        start = torch.zeros_like(centre), _inverse(precision)
        self._keep_lines(*_em_from(*start, standard, observed, FURTHER_ITERATIONS))

    def _keep_lines(self, shift: Tensor, covariance: Tensor) -> None:
        """Take the moments of standardised rows."""
        precision = _inverse(covariance)
        within = self.groups.cpu()[:, None] == self.groups.cpu()
        basis = torch.linalg.cholesky(precision * within)
        back = torch.linalg.inv(basis) * within
        centre = self.centre.cpu().double() + shift * self.scale.cpu().double()
        self._keep(centre=centre, precision=precision, basis=basis, back=back, turned=back @ precision @ back.mT)

    def _keep(self, **fitted: Tensor) -> None:
        for name, part in fitted.items():
            # laid out in memory as a loaded tensor is, which decides the last bit of sums over it
            setattr(self, name, part.to(self.centre).contiguous())

    def expect(self, rows: Batch) -> Tensor:
        """Rows (rows, features) with the mean of what is missing in its place."""
        observed = rows.observed
        centred = (rows.values - self.centre) / self.scale * observed
        if len(self.precision):
            steps = TRAINING_STEPS if self.training else GRADIENT_STEPS
            centred = _conditional_means(centred @ self.basis, observed, self.turned, steps) @ self.back
        return torch.where(observed > 0, rows.values, centred * self.scale + self.centre)

    def coefficients(self, features: list[int], group: Tensor) -> Tensor:
        """By which each of some features is predicted best from those of them in other groups, (features, features), 0
        within a group; group: (features,), whole numbers."""
        among = _inverse(_inverse(self.precision)[features][:, features])
        found = torch.zeros_like(among)
        for one in group.unique():
            mine = torch.nonzero(group == one).flatten()
            found[mine] = -torch.linalg.solve(among[mine][:, mine], among[mine])
        scale = self.scale[features]
        return found.masked_fill(group[:, None] == group, 0.0) * scale[:, None] / scale


def _em(standard: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and covariance of standardised rows, 0 where missing: of a few rows first, near which those of all are."""
    features = standard.shape[1]
    found = standard.new_zeros(features), torch.eye(features, dtype=standard.dtype, device=standard.device)
    if len(standard) > FEW:
        found = _em_from(*found, standard[:FEW], observed[:FEW], MAX_ITERATIONS)
    return _em_from(*found, standard, observed, LAST_ITERATIONS if len(standard) > FEW else MAX_ITERATIONS)


def _em_from(
    mean: Tensor, covariance: Tensor, standard: Tensor, observed: Tensor, iterations: int
) -> tuple[Tensor, Tensor]:
    """Mean and covariance of the rows, by so many iterations from these or as many as it takes."""
    rows, features = standard.shape
    unit = torch.eye(features, dtype=standard.dtype, device=standard.device)
    for _ in range(iterations):
        completed, uncertainty = _expectations((standard - mean) * observed, observed, _inverse(covariance))
        shift = completed.mean(0)
        spread = (completed - shift).mT @ (completed - shift)
        update = (spread + uncertainty + features * unit) / (rows + features)
        step = torch.maximum((update - covariance).abs().max(), shift.abs().max())
        mean, covariance = mean + shift, update
        if step < TOLERANCE:
            break
    return mean, covariance


def _inverse(covariance: Tensor) -> Tensor:
    return torch.cholesky_inverse(torch.linalg.cholesky(covariance))


def _conditional_means(centred: Tensor, observed: Tensor, precision: Tensor, steps: int) -> Tensor:
    """Centred rows, 0 where missing, with conditional means there, by conjugate gradients (Hestenes & Stiefel 1952).

    A step is one matrix product for all rows, whatever they miss; a factorisation for each row would take longer than a
    network's own step."""
    missing, solution = 1.0 - observed, centred.clone()
    residual = -(centred @ precision).mul_(missing)
    direction = residual.clone()
    fit = residual.square().sum(-1, keepdim=True)
    for _ in range(steps):  # in place: what it takes is mostly memory's time
        product = (direction @ precision).mul_(missing)
        length = fit / (direction * product).sum(-1, keepdim=True).clamp_min(TINY)
        solution.addcmul_(length, direction)
        residual.addcmul_(length, product, value=-1.0)
        previous, fit = fit, residual.square().sum(-1, keepdim=True)
        direction.mul_(fit / previous.clamp_min(TINY)).add_(residual)
    return solution


def _expectations(centred: Tensor, observed: Tensor, precision: Tensor) -> tuple[Tensor, Tensor]:
    """Centred rows, 0 where missing, with conditional means there, and the sum of their conditional covariances."""
    pull, completed, features = centred @ precision, centred.clone(), len(precision)
    uncertainty = centred.new_zeros(features * features)
    for rows, missing, padding in _missing_parts(observed):
        pairs, kept = missing[:, :, None] * features + missing[:, None, :], 1.0 - padding
        kept_pairs = kept[:, :, None] * kept[:, None, :]
        block = precision.flatten()[pairs] * kept_pairs + torch.diag_embed(padding)
        covariance = torch.cholesky_inverse(torch.linalg.cholesky(block)) * kept_pairs
        shift = torch.linalg.vecdot(covariance, pull[rows].gather(1, missing)[:, None])
        completed[rows] = completed[rows].scatter_add(1, missing, -shift)
        uncertainty.index_add_(0, pairs.flatten(), covariance.flatten())
    return completed, uncertainty.view_as(precision)


def _missing_parts(observed: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Rows with about as many missing features each: the rows, (rows,), where these features are, (rows, most), and 1
    where a row with fewer of them is padded with observed ones."""
    count = (observed == 0).sum(1)
    order = count.argsort()[int((count == 0).sum()) :]
    for start in range(0, len(order), CHUNK):
        rows = order[start : start + CHUNK]
        missing = observed[rows].argsort(1)[:, : int(count[rows[-1]])]
        yield rows, missing, observed[rows].gather(1, missing)
