"""`anomalib-vae sample`: a saved model in, new rows out."""

from __future__ import annotations

from typing import Annotated

import typer

from anomalib_vae.cli import estimators, options, outputs
from anomalib_vae.cli.errors import one_line_messages

Rows = Annotated[int, typer.Option("--rows", "-n", metavar="N", min=1, help="How many rows to draw.")]


def sample(
    model: options.SavedModel,
    output: options.OutputTable,
    rows: Rows = 100,
    random_state: options.RandomState = None,
    force: options.Force = False,
    debug: options.Debug = False,
) -> None:
    """Draw new rows from a model: a table like the one it was trained on, without any of its rows.

    [bold]In[/bold]: a folder that fit wrote.

    [bold]Out[/bold]: a table with the columns of the training table, in its order and types.

    [bold]Example[/bold]
      anomalib-vae sample --model model/ --rows 100 --output new.csv
      anomalib-vae sample -m model/ -n 1000 -o new.parquet --random-state 0
    """
    with one_line_messages(debug):
        outputs.check_table(output, force=force)
        from anomalib_vae.cli import tables

        fitted = estimators.load_model(model)
        if random_state is not None:
            fitted.set_params(random_state=random_state)
        tables.write_frame(fitted.sample(rows), output)
        typer.echo(f"{rows:,} rows drawn, written to {output}")
