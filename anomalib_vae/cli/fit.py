"""`anomalib-vae fit`: a table in, a saved model out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomalib_vae.cli import estimators, options, outputs
from anomalib_vae.cli.errors import one_line_messages
from anomalib_vae.cli.estimators import RoleName

if TYPE_CHECKING:
    from anomalib_vae.roles import Role

PLURAL = {
    "number": "numbers",
    "integer": "whole numbers",
    "boolean": "truth values",
    "time": "times",
    "duration": "durations",
    "label": "labels",
}

ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        help=f"{', '.join(estimators.MODEL_NAMES)}; if not given, VAE for a detector, DenoisingVAE for an imputer.",
    ),
]
Folder = Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where to save the model.")]
Purpose = Annotated[RoleName, typer.Option("--role", help="To judge rows, or to fill in missing cells.")]
Contamination = Annotated[
    str | None,
    typer.Option(
        "--contamination",
        metavar="SHARE",
        help="Share of the rows to judge anomalies, such as 0.01; auto: rows far below the others, however many; "
        "0: the rows are clean.",
    ),
]
CalibrationFraction = Annotated[
    float | None,
    typer.Option(
        "--calibration-fraction",
        metavar="SHARE",
        help="Share of the rows to keep from the model, such as 0.2: score tells p-values by them.",
    ),
]


def fit(
    table: options.InputTable,
    output: Folder,
    model: ModelName = None,
    role: Purpose = RoleName.detector,
    contamination: Contamination = None,
    calibration_fraction: CalibrationFraction = None,
    drop: options.Drop = None,
    dates: options.Dates = None,
    missing: options.Missing = None,
    max_epochs: options.MaxEpochs = None,
    settings: options.Settings = None,
    random_state: options.RandomState = None,
    force: options.Force = False,
    debug: options.Debug = False,
) -> None:
    """Learn what the rows of a table look like and save that as a model.

    [bold]In[/bold]: a table of mostly normal rows. Numbers, labels, truth values, times and
    gaps are understood as they are; drop keys and the label you want to predict.

    [bold]Out[/bold]: a folder that score, impute, sample and anomalib_vae.load read.

    [bold]Example[/bold]
      anomalib-vae fit transactions.parquet --output model/ --drop id,label
      anomalib-vae fit log.csv -o model/ -m RobustVAE --contamination 0.01
      anomalib-vae fit log.csv -o model/ --calibration-fraction 0.2
      anomalib-vae fit log.csv -o filler/ --role imputer --set latent_dim=8
    """
    with one_line_messages(debug):
        outputs.check_folder(output, force=force)
        settings = [*options.epochs(max_epochs), *(settings or [])]
        estimator = estimators.build(
            role,
            model,
            settings,
            contamination=contamination,
            calibration_fraction=calibration_fraction,
            random_state=random_state,
        )
        _fit_to_file(estimator, table, options.split(drop), options.split(dates), options.split(missing))
        estimator.save(output)
        _report(estimator, table, output, role)


def _fit_to_file(estimator: Role, path: Path, drop: list[str], dates: list[str], missing: list[str]) -> None:
    from anomalib_vae.cli import tables

    table = tables.read(path, dates=dates, missing=missing)
    estimator.fit(table.frame(tables.kept(table, drop), {}))


def _report(estimator: Role, table: Path, output: Path, role: RoleName) -> None:
    from anomalib_vae.cli.console import tell

    model = estimator.model_
    families = Counter(model.codec_.families)
    tell(f"columns: {', '.join(f'{PLURAL[family]} {count}' for family, count in families.items())}")
    fitted, seconds = f"{type(estimator).__name__}({type(model).__name__})", model.history_["seconds"].sum()
    tell(f"{fitted} saved to {output}: {model.n_iter_} epochs, {seconds:.1f} s")
    command, result = ("score", "scores.csv") if role is RoleName.detector else ("impute", "filled.csv")
    tell(f"next: anomalib-vae {command} {table} --model {output} --output {result}")
