"""From the words of the command line to estimators of the package, new or saved."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anomalib_vae
from anomalib_vae.cli import assignments
from anomalib_vae.cli.errors import DataError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from anomalib_vae import AnomalyDetector, VAEImputer
    from anomalib_vae.cli.tables import Table
    from anomalib_vae.models.base import Model
    from anomalib_vae.roles import Role


class RoleName(StrEnum):
    """What a fitted model is to be used for."""

    detector = "detector"
    imputer = "imputer"


NOT_OF_TABLES = {"ConditionalVAE", "ConditionalGAN", "ProgressiveGAN", "Pix2Pix", "CycleGAN"}  # need labels or images
MODEL_NAMES = [
    name
    for name, home in anomalib_vae._HOME.items()
    if home.startswith("anomalib_vae.models.") and name not in NOT_OF_TABLES
]


def build(
    role: RoleName,
    model_name: str | None,
    settings: list[str],
    *,
    contamination: str | None = None,
    calibration_fraction: float | None = None,
    random_state: int | None = None,
) -> Role:
    """An unfitted role around a model, checked.  Raises UsageError for a name or a value that does not fit."""
    share = None if contamination is None else assignments.parse(contamination, float | str)
    of_detectors = {"contamination": share, "calibration_fraction": calibration_fraction}
    of_detectors = {name: value for name, value in of_detectors.items() if value is not None}
    if of_detectors and role is RoleName.imputer:
        option = next(iter(of_detectors)).replace("_", "-")
        raise UsageError(f"--{option} is for --role detector: an imputer gives no verdicts")
    role_class = anomalib_vae.AnomalyDetector if role is RoleName.detector else anomalib_vae.VAEImputer
    estimator = role_class(random_state=random_state, **of_detectors)
    model_class = _model_class(model_name) if model_name else type(estimator._default_model())
    estimator.model = model_class(**assignments.read(settings, model_class))
    try:
        estimator.check_parameters()
        estimator.model.check_parameters()
    except (TypeError, ValueError) as error:
        raise UsageError(str(error)) from error
    return estimator


def load_detector(folder: Path) -> AnomalyDetector:
    """The saved AnomalyDetector.  Raises UsageError where the folder holds none."""
    saved = _load(folder)
    if not hasattr(saved, "offset_"):
        raise UsageError(f"--model {folder} holds a {type(saved).__name__}, which gives no verdicts: fit a detector")
    return saved


def load_imputer(folder: Path) -> VAEImputer:
    """The saved VAEImputer, or one around any other saved model."""
    saved = _load(folder)
    if isinstance(saved, anomalib_vae.VAEImputer):
        return saved
    imputer = anomalib_vae.VAEImputer()
    imputer.relearn({"model": getattr(saved, "model_", saved)})
    return imputer


def load_model(folder: Path) -> Model:
    """The saved model, taken out of its role if it has one."""
    saved = _load(folder)
    return getattr(saved, "model_", saved)


def kinds(model: Model) -> dict[str, str]:
    """What each column of a text file must be read as, to be like the model's training table."""
    columns = zip(model.codec_.codecs, model.codec_.families, strict=True)
    return {
        str(codec.name): family
        for codec, family in columns
        if family != "label" or all(isinstance(level, str) for level in getattr(codec, "levels", ()))
    }


def needed(table: Table, model: Model, path: Path) -> list[str]:
    """The names of the columns that the model was trained on, in its order.  Raises DataError where one is missing."""
    names = [str(name) for name in model.codec_.names]
    lacking = [name for name in names if name not in table.names]
    if lacking:
        raise DataError(f"{path} lacks {_columns(lacking)} that the model was trained on")
    return names


def pick(table: Table, model: Model, path: Path) -> pd.DataFrame:
    """The table's columns that the model needs, by name, in the order of its training."""
    return table.frame(needed(table, model, path), kinds(model)).set_axis(model.codec_.names, axis=1)


def _columns(names: list[str]) -> str:
    return f"the column{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))}"


def _model_class(name: str) -> Any:
    if name not in MODEL_NAMES:
        raise UsageError(f"--model {name}: there is no such model; there are {', '.join(MODEL_NAMES)}")
    return getattr(anomalib_vae, name)


def _load(folder: Path) -> Any:
    try:
        return anomalib_vae.load(folder)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"--model {folder}: there is no saved model in that folder") from None
