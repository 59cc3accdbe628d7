"""What may be written where, asked before the work begins."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anomalib_vae.cli.errors import UsageError

SUFFIXES = (".csv", ".csv.gz", ".parquet")


def check_suffix(path: Path) -> None:
    if not path.name.lower().endswith(SUFFIXES):
        raise UsageError(f"{path}: the name must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")


def check_table(output: Path, *, force: bool, source: Path | None = None) -> None:
    """Raise UsageError unless a table may be written to `output`; source: the table that is read."""
    check_suffix(output)
    _check_parent(output)
    if output.is_dir():
        raise UsageError(f"--output {output} is a folder: name a file")
    if output.exists() and not force:
        same = source is not None and source.exists() and output.samefile(source)
        what = "is the input file itself" if same else "exists already"
        raise UsageError(f"--output {output} {what}: choose another name, or give --force to replace it")


def check_folder(output: Path, *, force: bool) -> None:
    """Raise UsageError unless a model may be saved to the folder `output`."""
    _check_parent(output)
    if output.exists() and not output.is_dir():
        raise UsageError(f"--output {output} is a file: name a folder")
    if output.is_dir() and any(output.iterdir()):
        if not (output / "model.json").exists():
            raise UsageError(f"--output {output} holds other files and no model: name an empty or a new folder")
        if not force:
            raise UsageError(
                f"--output {output} holds a model already: choose another name, or give --force to replace it"
            )


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; its content takes the place of `path` once it is complete, and nothing stays on failure."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _check_parent(output: Path) -> None:
    if not output.parent.is_dir():
        raise UsageError(f"--output {output}: there is no folder {output.parent}, make it first")
