"""The command line: `anomalib-vae fit | score | impute | sample` on CSV and Parquet files."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the `anomalib-vae` script: runs the command of sys.argv and ends the process."""
    try:
        from anomalib_vae.cli.app import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        sys.exit(f'error: the command line needs {error.name}: pip install "anomalib-vae[cli]"')
    app()
