"""A figure to draw on, and the few colours that all pictures share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NORMAL, ANOMALY, LINE = "#4477aa", "#cc3311", "#222222"  # told apart by colour-blind readers too (Tol 2021)


def new_figure(width: float = 7.0, height: float = 4.0) -> Figure:
    """An empty figure that notebooks show, size in inches.  Raises ImportError where matplotlib is missing."""
    try:
        from anomalib_vae.report.picture import Picture
    except ImportError as error:
        raise ImportError('pictures need matplotlib: pip install "anomalib-vae[report]"') from error
    return Picture(figsize=(width, height), layout="constrained", dpi=120)
