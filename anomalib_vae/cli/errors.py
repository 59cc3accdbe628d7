"""Errors as people want them in a terminal: one line, an exit code, and no traceback unless asked for."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup


class UsageError(Exception):
    """The command was given something it can't work with, whatever the data hold."""

    exit_code = 2


class DataError(Exception):
    """The data are not what the command needs; the message names the column."""

    exit_code = 1


class OneLineGroup(TyperGroup):
    """A group of commands whose usage errors are one line too; without any argument it shows its help."""

    def main(self, args=None, *rest: Any, **options: Any) -> NoReturn:
        arguments = list(sys.argv[1:] if args is None else args) or ["--help"]
        try:
            code = super().main(arguments, *rest, **{**options, "standalone_mode": False})
        except typer.Abort:
            code = 130
        except Exception as error:
            if not hasattr(error, "format_message"):  # what typer raises for a wrong usage has it
                raise
            message = error.format_message()
            say("error", f"{message}{'' if message[-1:] in ('.', '?') else '.'} See --help.")
            code = 2
        sys.exit(code or 0)


@contextmanager
def one_line_messages(debug: bool) -> Iterator[None]:
    """In here an exception ends the command with its message as one line, and a warning is one line.

    Raises typer.Exit: 2 for a UsageError, 1 for every other exception.  debug: print the traceback as well.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = lambda message, *_, **__: say("warning", str(message))
        try:
            yield
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if debug:
                traceback.print_exc()
            say("error", _described(error))
            raise typer.Exit(getattr(error, "exit_code", 1)) from None


def say(kind: str, message: str) -> None:
    """Write "kind: message" as one line to the error stream."""
    color = {"error": typer.colors.RED, "warning": typer.colors.YELLOW}[kind]
    typer.echo(f"{typer.style(kind, fg=color, bold=True)}: {' '.join(message.split())}", err=True)


def _described(error: Exception) -> str:
    if isinstance(error, UsageError | DataError | ValueError | TypeError | RuntimeError | OSError | ImportError):
        return str(error) or type(error).__name__
    return f"{type(error).__name__}: {error} (--debug shows where)"
