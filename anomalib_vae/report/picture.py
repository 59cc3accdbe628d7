"""A figure that a notebook shows by itself; the only file here that needs matplotlib to be imported."""

from __future__ import annotations

from io import BytesIO

from matplotlib.figure import Figure


class Picture(Figure):
    """A Figure, and what a notebook asks for to show it: neither pyplot nor %matplotlib is needed."""

    def _repr_png_(self) -> bytes:
        stream = BytesIO()
        self.savefig(stream, format="png")
        return stream.getvalue()
