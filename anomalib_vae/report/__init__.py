"""Pictures, drawn with matplotlib's object interface: each function gives a Figure and touches no global state."""

from __future__ import annotations

import importlib

_HOME = {
    "SampleSnapshots": "anomalib_vae.report.snapshots",
    "imputed_against_observed": "anomalib_vae.report.imputation",
    "interpolations": "anomalib_vae.report.interpolation",
    "latent_manifold": "anomalib_vae.report.manifold",
    "latent_space": "anomalib_vae.report.codes",
    "missing_cells": "anomalib_vae.report.missingness",
    "reconstructions": "anomalib_vae.report.reconstruction",
    "samples": "anomalib_vae.report.sampling",
    "samples_over_time": "anomalib_vae.report.over_time",
    "score_histogram": "anomalib_vae.report.scores",
    "sensors_over_time": "anomalib_vae.report.sensors",
    "training_curves": "anomalib_vae.report.training",
}
__all__ = [
    "SampleSnapshots",
    "imputed_against_observed",
    "interpolations",
    "latent_manifold",
    "latent_space",
    "missing_cells",
    "reconstructions",
    "samples",
    "samples_over_time",
    "score_histogram",
    "sensors_over_time",
    "training_curves",
]


def __getattr__(name: str):
    """Import a picture when it is first asked for: some need torch, which takes seconds."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
