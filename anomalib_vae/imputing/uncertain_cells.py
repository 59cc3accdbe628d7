"""What may stand in the cells of some rows: a prediction, and calibrated draws around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from anomalib_vae.codec.batch import Batch
from anomalib_vae.imputing.cell_calibration import CellCalibration
from anomalib_vae.imputing.joint_residuals import dependent_noise
from anomalib_vae.imputing.label_calibration import SMALLEST, of_levels, softmax
from anomalib_vae.models import conditional
from anomalib_vae.networks.variational import VariationalNetwork


def expected_and_deviation(network: VariationalNetwork, rows: Batch) -> tuple[np.ndarray, np.ndarray]:
    """What an imputer predicts, and the scale of its residuals, which is the network's deviation; each (rows,
    targets)."""
    return conditional.expected(network, rows), conditional.moments(network, rows)[1]


@dataclass(frozen=True)
class UncertainCells:
    """Encoded rows, and what a network makes of their cells.

    prediction: what an imputer fills in.  mean, deviation: of the mixture of the network's decoders, which need not
    have the prediction for its mean.  All are (rows, targets).
    """

    network: VariationalNetwork
    rows: Batch
    calibration: CellCalibration
    prediction: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, network: VariationalNetwork, rows: Batch, calibration: CellCalibration) -> UncertainCells:
        prediction = conditional.expected(network, rows)
        return cls(network, rows, calibration, prediction, *conditional.moments(network, rows))

    def bound(self, share: float) -> np.ndarray:
        """Targets below which a number lies with that probability, (rows, targets); of labels the prediction."""
        found = self.prediction.copy()
        for position, at in self._targets("real"):
            found[:, at] += self.deviation[:, at] * self.calibration.quantile(position, share)
        return found

    def probabilities(self, position: int) -> np.ndarray:
        """Of the levels of the column at that position of the layout, (rows, levels); of a boolean False and True."""
        at = self.network.layout.target_slices[position]
        return self.calibration.probabilities(position, self.prediction[:, at])

    def draws(self, m: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Targets m times, each (rows, targets), to be decoded as predicted ones are.

        Each draw comes from one member, one code of its posterior for each row, and one draw of `LinearSpread`.  Member
        and code tell a number's rank among the values possible in its cell; how far from the prediction this rank is,
        the calibrated residuals tell.  Levels are drawn from the calibrated probabilities, shifted as the member and
        the code shift the network's.
        """
        members = self.network.n_members
        for draw in range(m):
            if draw % members == 0:
                of_members = conditional.posterior_draws(self.network, self.rows, rng)
            drawn = self.prediction.copy()
            self._draw_numbers(drawn, of_members[draw % members], rng)
            self._draw_levels(drawn, of_members[draw % members], rng)
            yield drawn

    def _draw_numbers(self, drawn: np.ndarray, mean: np.ndarray, rng: np.random.Generator) -> None:
        """Put numbers into drawn, (rows, targets); mean: of the draw's member and code, likewise."""
        layout, calibration = self.network.layout, self.calibration
        numbers = layout.target_span("real")
        missing = self.rows.observed[:, layout.targets][:, numbers].numpy() == 0
        noise = np.sqrt(conditional.decoder_variance(self.network))
        noise = noise * dependent_noise(calibration.precision, missing, rng)
        rank = ndtr(((mean - self.mean)[:, numbers] + noise) / self.deviation[:, numbers])
        shift, stretch = calibration.spread.draw(self.rows, layout, rng)
        for position, at in self._targets("real"):
            residual = calibration.quantile(position, rank[:, at]) * stretch[position] + shift[:, [position]]
            drawn[:, at] += self.deviation[:, at] * residual

    def _draw_levels(self, drawn: np.ndarray, mean: np.ndarray, rng: np.random.Generator) -> None:
        for kind in ("binary", "category"):
            for position, at in self._targets(kind):
                drawn_mean, usual = (np.maximum(of_levels(part[:, at]), SMALLEST) for part in (mean, self.mean))
                p = softmax(np.log(self.probabilities(position) * drawn_mean / usual))
                race = p / rng.exponential(size=p.shape)  # the winner, also among some of the levels, is a draw from p
                drawn[:, at] = race if kind == "category" else race[:, 1:] > race[:, :1]

    def _targets(self, kind: str) -> Iterator[tuple[int, slice]]:
        layout = self.network.layout
        for position, (block, at) in enumerate(zip(layout.blocks, layout.target_slices, strict=True)):
            if block.kind == kind:
                yield position, at
