"""What a saved model needs to be loaded elsewhere, at the versions installed here."""

from __future__ import annotations

from importlib import metadata

DISTRIBUTION = "anomalib-vae"


def pinned_requirements(*more: str) -> list[str]:
    """This package, its core dependencies and the distributions `more`, such as "torch==2.6.0".

    MLflow adds itself.  A local part of a version ("+cpu") is left out: it says where a package came from, and no index
    serves it.
    """
    from packaging.requirements import Requirement

    declared = [Requirement(text) for text in metadata.requires(DISTRIBUTION) or ()]
    core = [r.name for r in declared if r.marker is None or r.marker.evaluate({"extra": ""})]
    return [f"{name}=={metadata.version(name).partition('+')[0]}" for name in (DISTRIBUTION, *core, *more)]
