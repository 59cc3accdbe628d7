"""`anomalib-vae impute`: a table with gaps in, the same table without them out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anomalib_vae.cli import estimators, options, outputs
from anomalib_vae.cli.errors import UsageError, one_line_messages

if TYPE_CHECKING:
    from anomalib_vae import VAEImputer

Filler = Annotated[
    Path | None,
    typer.Option("--model", "-m", metavar="FOLDER", help="A folder that fit wrote; without it, fit to this table."),
]


def impute(
    table: options.InputTable,
    output: options.OutputTable,
    model: Filler = None,
    drop: options.Drop = None,
    dates: options.Dates = None,
    missing: options.Missing = None,
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
    """
    with one_line_messages(debug):
        outputs.check_table(output, force=force, source=table)
        imputer = _chosen(model, [*options.epochs(max_epochs), *(settings or [])], options.split(drop), random_state)
        from anomalib_vae.cli import tables

        source = tables.read(table, dates=options.split(dates), missing=options.split(missing))
        if model is None:
            imputer.fit(source.frame(tables.kept(source, options.split(drop)), {}))
        names, kinds = estimators.needed(source, imputer.model_, table), estimators.kinds(imputer.model_)
        filled, counts = source.filled(lambda rows: _in_parts(imputer, rows), names, kinds)
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
    return estimators.load_imputer(model)


def _in_parts(imputer: VAEImputer, rows):
    """`transform` under a progress bar."""
    import pandas as pd
    import pyarrow as pa

    from anomalib_vae.cli.console import in_parts

    parts = [imputer.transform(part) for part in in_parts(rows, "impute")]
    return pd.concat(parts) if isinstance(rows, pd.DataFrame) else pa.concat_tables(parts)


def _show(counts: dict[str, int], output: Path) -> None:
    from anomalib_vae.cli.console import show_table, tell

    total = sum(counts.values())
    if not total:
        tell("no cell was filled: nothing is missing in the columns that the model knows")
    else:
        rows = [[name, f"{count:,}"] for name, count in counts.items() if count]
        show_table(f"{total:,} cells filled", ["column", "cells filled"], rows, numeric=("cells filled",))
    tell(f"written to {output}")
