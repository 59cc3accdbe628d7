"""The commands, put together.  Nothing slow is imported here: `--help` must answer at once."""

from __future__ import annotations

from typing import Annotated

import typer

import anomalib_vae
from anomalib_vae.cli.errors import OneLineGroup
from anomalib_vae.cli.fit import fit
from anomalib_vae.cli.impute import impute
from anomalib_vae.cli.sample import sample
from anomalib_vae.cli.score import score

app = typer.Typer(cls=OneLineGroup, rich_markup_mode="rich", add_completion=False, pretty_exceptions_enable=False)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"anomalib-vae {anomalib_vae.__version__}")
        raise typer.Exit


@app.callback()
def describe(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Find frauds and faults in a table, and fill in its missing values.

    Tables are CSV (.csv, .csv.gz) or Parquet (.parquet) files: a row is one case,
    a column one number, label, truth value or time. Gaps are welcome.

    [bold]Example[/bold]: which transactions look unlike the others, and why?
      anomalib-vae fit transactions.parquet --output model/ --drop label
      anomalib-vae score transactions.parquet --model model/ --output s.parquet

    [bold]Example[/bold]: fill the gaps of a table.
      anomalib-vae impute table.csv --output filled.csv

    Each command explains itself: anomalib-vae fit --help
    """


for _command in (fit, score, impute, sample):
    app.command()(_command)
