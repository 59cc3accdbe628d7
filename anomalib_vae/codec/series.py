"""The codec for time series: a frame in time order, to windows and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from anomalib_vae.codec import frames
from anomalib_vae.codec.batch import Rows
from anomalib_vae.codec.empty import EmptyCodec
from anomalib_vae.codec.period import LONGEST, dominant_period
from anomalib_vae.codec.table import TableCodec, plain
from anomalib_vae.codec.timeline import NOTHING, Timeline
from anomalib_vae.codec.windows import WindowLayout, Windows, step_layout

FAR = 20.0  # standard deviations: beyond it a cell tells a network no more than that it is far
HUGE = 1e3  # likewise anyone: the square of a larger number would drown all others
PARTS = 8  # of a window: windows that are used start a part after each other, so each row lies in so many of them


class SeriesCodec:
    """Learns each sensor as a TableCodec does, and how rows follow each other.

    Attributes: table (of the sensors), timeline, layout (what the features of a window mean); names, families, codecs
    and template as a TableCodec has them, of all columns: nothing is learned of stamps and series.
    """

    def __init__(
        self,
        table: TableCodec,
        timeline: Timeline,
        window: int,
        has_gaps: bool,
        names: Sequence,
        families: Sequence[str],
        template: Any = None,
    ):
        self.table, self.timeline, self.names, self.families = table, timeline, list(names), list(families)
        self.layout = WindowLayout.of(step_layout(table.layout), window, has_gaps)
        of_sensors = {codec.name: codec for codec in table.codecs}
        self.codecs = [of_sensors.get(name, EmptyCodec(name)) for name in self.names]
        self.template = template

    @classmethod
    def fit(cls, X, *, time, series, window: int | str) -> SeriesCodec:
        """window: steps, or 'auto' for `dominant_period`'s."""
        timeline = Timeline.fit(X, time, series)
        table = TableCodec.fit(timeline.sensors(X))
        rows = table.targets(timeline.sensors(X), FAR)[:]
        if window == "auto":
            window = dominant_period(rows, list(timeline.segments(X, LONGEST)))
        window = int(window)
        segments = list(timeline.segments(X, window))
        has_gaps = any(len(steps) < window or (steps == NOTHING).any() for steps in segments)
        has_gaps = bool(has_gaps or not rows.observed.all())
        families = [column.family for column in frames.read(X)]
        return cls(table, timeline, window, has_gaps, frames.names_of(X), families, frames.empty_like(X))

    @property
    def template(self) -> Any:
        return self._template

    @template.setter
    def template(self, template: Any) -> None:
        self._template = template
        self.table.template = None if template is None else self.timeline.sensors(template)

    @property
    def window(self) -> int:
        return self.layout.length

    @property
    def stride(self) -> int:
        return max(1, self.window // PARTS)

    def encode(self, X) -> Windows:
        """All windows of X, its rows encoded at once."""
        return self._windows(X, self.steps(X, FAR)[:], self.layout, 1)

    def rows(self, X) -> Windows:
        """Windows of X that hold each row PARTS times, encoded where they are asked for."""
        return self._windows(X, self.steps(X, FAR), self.layout, self.stride)

    def windows(self, X, length: int, stride: int) -> Windows:
        """Every stride-th window of another length, with cells as far away as they are."""
        return self._windows(X, self.steps(X), WindowLayout.of(self.layout.step, length), stride)

    def steps(self, X, limit: float = HUGE) -> Rows:
        """The rows of X, (rows, features of a step), within so many standard deviations."""
        return self.table.targets(self.timeline.sensors(X), limit)

    def decode(self, targets: np.ndarray, *, index_of=None):
        """Targets of steps, (steps, targets), as a frame of the sensors."""
        return self.table.decode(targets, index_of=index_of)

    def to_json(self) -> dict:
        return {
            "table": self.table.to_json(),
            "timeline": vars(self.timeline),
            "window": self.window,
            "has_gaps": self.layout.has_gaps,
            "names": [plain(name, name) for name in self.names],
            "families": self.families,
        }

    @classmethod
    def from_json(cls, state: dict) -> SeriesCodec:
        table, timeline = TableCodec.from_json(state["table"]), Timeline(**state["timeline"])
        return cls(table, timeline, state["window"], state["has_gaps"], state["names"], state["families"])

    def _windows(self, X, rows: Rows, layout: WindowLayout, stride: int) -> Windows:
        return Windows.over(rows, self.timeline.segments(X, self.window), layout, stride)
