"""What windows are measured in: sensors by what is usual, and the directions in which training windows differ."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from anomalib_vae.codec.batch import Batch, Layout
from anomalib_vae.codec.windows import WindowLayout

AXES = 64  # that are kept of longer windows
FEW = 256  # features of a window, up to which all are kept
OVERSAMPLING, POWER_STEPS = 8, 2  # of the randomised decomposition
SMALLEST_SCALE = 0.05  # of a sensor's standard deviation
SOME = 1000  # references that tell the scales
CHUNK = 500


@dataclass(frozen=True)
class WindowSpace:
    """A window's features less the centre, projected on axes; what is left over counts by its length alone.

    A sensor counts in units of how much it differs between a training window and the one nearest to it, so that noise
    in one does not hide what is odd in another.  Long windows are told by the principal axes of the references (Halko,
    Martinsson & Tropp 2011, "Finding structure with randomness"), which makes distances cheap: |x - y|² is exact on the
    axes, and beside them |x|² + |y|², as if what is left of two windows had nothing in common.

    is_shape: whether each sensor's mean over the window is taken away.  scale: (step features,).  centre: (features,).
    axes: (features, axes), or empty where all features are kept.
    """

    layout: WindowLayout
    is_shape: Tensor
    scale: Tensor
    centre: Tensor
    axes: Tensor

    @classmethod
    def fit(
        cls, windows: Batch, layout: WindowLayout, is_shape: bool, starts: Tensor, generator: torch.Generator
    ) -> WindowSpace:
        """windows: the references; starts: (references,), in steps."""
        width = layout.step.width
        unit = torch.ones(width, dtype=torch.float64)
        plain = cls(layout, torch.tensor(is_shape), unit, 0 * unit[:1], unit.new_zeros(0))
        steps = plain._steps(windows)
        scale = _usual_differences(steps, starts, layout.length, generator).clamp_min(SMALLEST_SCALE)
        flat = (steps / scale).flatten(1)
        centre = flat.mean(0)
        axes = _principal_axes(flat - centre, generator) if flat.shape[1] > FEW else unit.new_zeros(0)
        return cls(layout, torch.tensor(is_shape), scale, centre, axes)

    def __call__(self, windows: Batch) -> tuple[Tensor, Tensor]:
        """(windows, axes), and the squared lengths of all features, (windows,)."""
        flat = (self._steps(windows) / self.scale).flatten(1).sub_(self.centre)
        return flat @ self.rows_of_axes.T if len(self.axes) else flat, flat.square().sum(1)

    @cached_property
    def rows_of_axes(self) -> Tensor:
        """(axes, features), as they are read: for a single window this takes a third of the time."""
        return self.axes.T.contiguous()

    def _steps(self, windows: Batch) -> Tensor:
        """(windows, length, step features); a missing cell is the mean of its sensor in the window."""
        values = self.layout.split(windows.values).double()
        if not windows.is_complete:
            observed = self.layout.split(windows.observed).double()
            mean = (values * observed).sum(1, keepdim=True) / observed.sum(1, keepdim=True).clamp_min(1.0)
            values = torch.where(observed > 0, values, mean)
        return values - values.mean(1, keepdim=True) if self.is_shape else values

    def state(self) -> dict[str, Tensor]:
        facts = {"is_shape": self.is_shape, "scale": self.scale, "centre": self.centre, "axes": self.axes}
        return facts | {"length": torch.tensor(self.layout.length)}

    @classmethod
    def from_state(cls, parts: dict[str, Tensor], step: Layout) -> WindowSpace:
        """Takes its own parts out of those of a view."""
        layout = WindowLayout.of(step, int(parts.pop("length")))
        return cls(layout, *(parts.pop(name) for name in ("is_shape", "scale", "centre", "axes")))


def _usual_differences(steps: Tensor, starts: Tensor, length: int, generator: torch.Generator) -> Tensor:
    """Of each sensor, (step features,), the root mean square difference to the nearest window that does not overlap."""
    flat = steps.flatten(1).float()
    squares, total = flat.square().sum(1), torch.zeros(steps.shape[-1], dtype=torch.float64)
    some = torch.randperm(len(flat), generator=generator)[:SOME]
    for rows in some.split(CHUNK):
        distances = torch.addmm(squares, flat[rows], flat.T, alpha=-2)
        distances[(starts[rows][:, None] - starts).abs() < length] = torch.inf
        nearest = distances.argmin(1)
        differs = (steps[rows] - steps[nearest]).square().mean(1)
        total += differs[~distances.amin(1).isinf()].sum(0)
    return (total / len(some)).sqrt()


def _principal_axes(rows: Tensor, generator: torch.Generator) -> Tensor:
    start = torch.randn(rows.shape[1], AXES + OVERSAMPLING, generator=generator, dtype=rows.dtype)
    found = rows @ start
    for _ in range(POWER_STEPS):
        found = rows @ torch.linalg.qr(rows.T @ torch.linalg.qr(found).Q).Q
    basis = torch.linalg.qr(found).Q
    return torch.linalg.svd(basis.T @ rows, full_matrices=False).Vh[:AXES].T.contiguous()
