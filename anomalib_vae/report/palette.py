"""Colours for the classes and lines of a picture, more than two of them."""

from __future__ import annotations

from anomalib_vae.report.canvas import LINE

CLASSES = (  # told apart by colour-blind readers too: the muted scheme of Tol 2021, and black
    "#332288",
    "#cc6677",
    "#117733",
    "#88ccee",
    "#ddcc77",
    "#aa4499",
    "#44aa99",
    "#882255",
    "#999933",
    LINE,
)
OTHERS = "#bbbbbb"
