"""`anomalib-vae impute`: a table with gaps in, the same table without them out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anomalib_vae.cli import assignments, estimators, options, outputs
from anomalib_vae.cli.errors import UsageError, one_line_messages

if TYPE_CHECKING:
    from anomalib_vae import VAEImputer

Filler = Annotated[
    Path | None,
    typer.Option("--model", "-m", metavar="FOLDER", help="A folder that fit wrote; without it, fit to this table."),
]
Drop = Annotated[
    list[str] | None,
    typer.Option(
        "--drop", "--exclude", metavar="A,B", help="Columns that the model must not see; they stay as they are."
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="A,B", help="Columns to fill; the model uses the others, and their gaps stay."),
]
MissingValue = Annotated[
    str | None,
    typer.Option("--missing-value", metavar="VALUE", help="What stands for a gap in either kind of file: -999, '?'."),
]


def impute(
    table: options.InputTable,
    output: options.OutputTable,
    model: Filler = None,
    drop: Drop = None,
    only: Only = None,
    dates: options.Dates = None,
    missing: options.Missing = None,
    missing_value: MissingValue = None,
    max_epochs: options.MaxEpochs = None,
    settings: options.Settings = None,
    random_state: options.RandomState = None,
    force: options.Force = False,
    debug: options.Debug = False,
) -> None:
    """Fill in the missing cells of a table.

    [bold]In[/bold]: a table with gaps, which are empty cells of a CSV file (and NA, NaN or null
    among numbers) and nulls of a Parquet file. Without --model, a model is fitted
    to this very table.

    [bold]Out[/bold]: the same table with its gaps filled by what the model expects there. Cells
    that were not missing stay as they are, to the letter; so do the columns that
    the model does not know. How many cells were filled is shown by column.

    [bold]Example[/bold]
      anomalib-vae impute survey.csv --output filled.csv --drop id
      anomalib-vae impute new.parquet --output filled.parquet --model filler/
      anomalib-vae impute sensors.parquet -o filled.parquet --only speed --missing-value -999
    """
    with one_line_messages(debug):
        outputs.check_table(output, force=force, source=table)
        imputer = _chosen(model, [*options.epochs(max_epochs), *(settings or [])], options.split(drop), random_state)
        _set_wishes(imputer, options.split(only), missing_value)
        both = [name for name in options.split(only) if name in options.split(drop)]
        if both:
            raise UsageError(f"--only {both[0]}: it is dropped, so it can't be filled; take it out of --drop or --only")
        from anomalib_vae.cli import tables

        words = [*options.split(missing), *_texts(imputer.missing_values, table)]
        source = tables.read(table, dates=options.split(dates), missing=words)
        tables.check_known(source, options.split(only), "--only")
        if model is None:
            imputer.fit(source.frame(tables.kept(source, options.split(drop)), {}))
        names, kinds = estimators.needed(source, imputer.model_, table), estimators.kinds(imputer.model_)
        counts: dict[str, int] = {}
        filled, _ = source.filled(lambda rows: _in_parts(imputer, rows, counts), names, kinds)
        filled.write(output)
        _show(counts, output)


def _chosen(model: Path | None, settings: list[str], drop: list[str], random_state: int | None) -> Any:
    """The saved imputer, or one that is still to be fitted."""
    if model is None:
        return estimators.build(estimators.RoleName.imputer, None, settings, random_state=random_state)
    if drop or settings or random_state is not None:
        raise UsageError(
            "--drop, --set, --max-epochs and --random-state are for a fit, and --model names a fitted model"
        )
    return _without_excluded(estimators.load_imputer(model))


def _without_excluded(imputer: VAEImputer) -> VAEImputer:
    """The imputer as one of the columns that its model sees: what it excludes stays in the table as it is anyway."""
    learned = imputer.learned()
    imputer.set_params(exclude=None)
    imputer.relearn({part: learned[part] for part in ("model", "with_gaps", "whole")})
    return imputer


def _set_wishes(imputer: VAEImputer, only: list[str], missing_value: str | None) -> None:
    """What a table needs, on an imputer that may be fitted: all columns stay, and none is added."""
    imputer.set_params(add_indicator=False, keep_empty_features=imputer.keep_empty_features or "missing")
    if only:
        imputer.set_params(only=tuple(only))
    if missing_value is not None:
        imputer.set_params(missing_values=assignments.parse(missing_value, float | str))


def _texts(missing_value: float | str | None, table: Path) -> list[str]:
    """How a value that stands for a gap is written in a CSV file; nothing for a Parquet file, whose cells are typed."""
    if missing_value is None or table.name.lower().endswith(".parquet"):
        return []
    if isinstance(missing_value, str) or not float(missing_value).is_integer():
        return [str(missing_value)]
    return [str(int(missing_value)), str(float(missing_value))]


def _in_parts(imputer: VAEImputer, rows, counts: dict[str, int]):
    """`transform` under a progress bar; counts: takes up how many cells of each column were filled."""
    import pandas as pd
    import pyarrow as pa

    from anomalib_vae.cli.console import in_parts
    from anomalib_vae.codec import frames, sentinel

    parts = [imputer.transform(part) for part in in_parts(rows, "impute")]
    filled = pd.concat(parts) if isinstance(rows, pd.DataFrame) else pa.concat_tables(parts)
    before, after = (frames.read(sentinel.opened(frame, imputer.missing_values)) for frame in (rows, filled))
    counts |= {str(old.name): int((~old.observed & new.observed).sum()) for old, new in zip(before, after, strict=True)}
    return filled


def _show(counts: dict[str, int], output: Path) -> None:
    from anomalib_vae.cli.console import show_table, tell

    total = sum(counts.values())
    if not total:
        tell("no cell was filled: nothing is missing in the columns that the model knows")
    else:
        rows = [[name, f"{count:,}"] for name, count in counts.items() if count]
        show_table(f"{total:,} cells filled", ["column", "cells filled"], rows, numeric=("cells filled",))
    tell(f"written to {output}")
