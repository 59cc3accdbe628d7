"""`--set name=value`: parameters of an estimator from text, read by the types that they declare."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from typing import Any

from anomalib_vae.cli.errors import UsageError


def read(assignments: list[str], estimator: type) -> dict[str, Any]:
    """Parameters by name from texts such as "latent_dim=8" or "hidden_dims=64,64".

    Raises UsageError for a text without "=" and for a name that the estimator does not have.
    """
    hints = typing.get_type_hints(estimator)
    known = [field.name for field in dataclasses.fields(estimator) if field.name != "callbacks"]  # objects, not texts
    parameters = {}
    for assignment in assignments:
        name, equals, text = (part.strip() for part in assignment.partition("="))
        if not equals:
            raise UsageError(f"--set {assignment}: write it as name=value")
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {close[0]}? " if close else ""
            raise UsageError(f"--set {assignment}: {estimator.__name__} has no {name}; {hint}It has {', '.join(known)}")
        parameters[name] = parse(text, hints[name])
    return parameters


def parse(text: str, hint: Any) -> Any:
    """The value that the text stands for; the text itself where it is none of the declared type, for
    `check_parameters` to complain about in its own words."""
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    for option in options:
        try:
            return _parse_one(text, option)
        except ValueError:
            continue
    return text


def _parse_one(text: str, hint: Any) -> Any:
    if hint in (int, float):
        return hint(text)
    if typing.get_origin(hint) is tuple:
        element = typing.get_args(hint)[0]
        return tuple(parse(part.strip(), element) for part in text.strip("()").split(",") if part.strip())
    words: dict[Any, dict[str, bool | None]] = {bool: {"true": True, "false": False}, type(None): {"none": None}}
    if text.lower() in words.get(hint, {}):
        return words[hint][text.lower()]
    raise ValueError(text)
