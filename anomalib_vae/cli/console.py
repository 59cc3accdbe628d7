"""What the commands show while they work and when they are done."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

ROWS_AT_ONCE = 10_000


def in_parts(frame, label: str) -> Iterator[Any]:
    """The rows of a pandas frame or an Arrow table in parts, under a progress bar where a terminal is watching."""
    from tqdm.auto import tqdm

    rows = len(frame)
    with tqdm(total=rows, desc=label, unit="row", disable=not sys.stderr.isatty(), delay=1.0) as bar:
        for start in range(0, rows, ROWS_AT_ONCE):
            part = frame[start : start + ROWS_AT_ONCE] if hasattr(frame, "iloc") else frame.slice(start, ROWS_AT_ONCE)
            yield part
            bar.update(len(part))


def tell(text: str) -> None:
    """A line on the output stream, as it is: brackets in a column's name are no markup."""
    Console().print(Text(text), soft_wrap=True)


def show_table(title: str, header: list[str], rows: list[list[str]], *, numeric: tuple[str, ...] = ()) -> None:
    """A small table on the output stream; the columns in `numeric` are set flush right."""
    table = RichTable(title=Text(title), title_justify="left")
    for name in header:
        table.add_column(Text(name), justify="right" if name in numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
