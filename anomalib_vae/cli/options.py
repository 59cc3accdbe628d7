"""The arguments and options that several commands share, each with its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

InputTable = Annotated[
    Path, typer.Argument(metavar="TABLE", show_default=False, help="A .csv, .csv.gz or .parquet file.")
]
OutputTable = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write: .csv, .csv.gz or .parquet.")
]
SavedModel = Annotated[Path, typer.Option("--model", "-m", metavar="FOLDER", help="The folder that fit wrote.")]
Drop = Annotated[
    list[str] | None, typer.Option("--drop", metavar="A,B", help="Columns that the model must not see: keys, labels.")
]
Dates = Annotated[
    list[str] | None,
    typer.Option("--dates", metavar="A,B", help="Columns of a CSV file to read as ISO dates or times."),
]
Missing = Annotated[
    list[str] | None,
    typer.Option("--missing", metavar="A,B", help="Cells of a CSV file that stand for a gap, such as '?'."),
]
MaxEpochs = Annotated[
    str | None, typer.Option("--max-epochs", metavar="N", help="Passes over the rows; auto: about 1,500 steps.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the model, such as latent_dim=8; repeatable."),
]
RandomState = Annotated[
    int | None, typer.Option("--random-state", metavar="N", min=0, help="Seed: the same one gives the same result.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace the output if it is there.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def epochs(max_epochs: str | None) -> list[str]:
    """--max-epochs N is short for --set max_epochs=N."""
    return [] if max_epochs is None else [f"max_epochs={max_epochs}"]


def split(lists: list[str] | None) -> list[str]:
    """The elements of options that hold comma-separated lists and may be repeated."""
    return [element for text in lists or [] for element in text.split(",") if element]
