"""How well generated rows match real ones, measured on features: arrays of shape (rows, features).

from anomalib_vae.metrics import frechet_distance

frechet_distance(classifier_features(real_images), classifier_features(model.sample(5_000)))   # 0: as if drawn alike
"""

from __future__ import annotations

import importlib

_HOME = {
    "coverage": "anomalib_vae.metrics.neighbourhoods",
    "density_and_coverage": "anomalib_vae.metrics.neighbourhoods",
    "frechet_distance": "anomalib_vae.metrics.frechet",
    "kernel_distance": "anomalib_vae.metrics.kernel",
}
__all__ = ["coverage", "density_and_coverage", "frechet_distance", "kernel_distance"]


def __getattr__(name: str):
    """Import a measure when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
