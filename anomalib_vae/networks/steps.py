"""The border between windows and layers that take their steps one by one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from anomalib_vae.codec.windows import WindowLayout


class StepInputs(nn.Module):
    """The inputs of windows, values and missing-flags, (members, windows, inputs), to those of their steps, (members,
    windows, length, width)."""

    def __init__(self, layout: WindowLayout):
        super().__init__()
        self.layout = layout
        self.width = layout.step.width + len(layout.flagged) // layout.length

    def forward(self, inputs: Tensor) -> Tensor:
        values, flags = inputs.split([self.layout.width, len(self.layout.flagged)], -1)
        steps = self.layout.split(values)
        return torch.cat([steps, self.layout.of_columns.split(flags)], -1) if self.layout.has_gaps else steps

    @property
    def flags(self) -> slice:
        return slice(self.layout.step.width, self.width)
