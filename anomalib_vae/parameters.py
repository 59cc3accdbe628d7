"""How an estimator declares its parameters, each once: name, type, default and range in one line.

    class Shrunk(VAE):
        strength: float = parameter(default=0.1, at_least=0, doc="Weight of the shrinkage.")

The class gets an ``__init__`` that stores what it is given and nothing else, as scikit-learn asks; `fit` calls
`check_parameters`.  A subclass inherits the parameters of its parents, and `strength = 0.2` in its body gives one of
them another default.
"""

from __future__ import annotations

import dataclasses
import numbers
import types
import typing
from typing import Any, ClassVar, dataclass_transform


def parameter(
    default: Any, *, at_least=None, at_most=None, above=None, below=None, options=None, kw_only=True, doc: str = ""
) -> Any:
    """Declare one parameter of an estimator.

    ``at_least`` and ``at_most`` are inclusive bounds, ``above`` and ``below`` exclusive ones; they hold for numbers and
    for each element of a tuple. ``options`` lists the strings that are allowed.
    """
    bounds = {"at_least": at_least, "at_most": at_most, "above": above, "below": below}
    rules = {"bounds": {k: v for k, v in bounds.items() if v is not None}, "options": options, "doc": doc}
    return dataclasses.field(default=default, kw_only=kw_only, metadata=rules)


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(parameter,))
class Parameterized:
    """Gives every subclass an ``__init__`` made from its declared parameters.

    unused: inherited parameters that would make no difference in a subclass, by name, and why not; they must keep their
    defaults.
    """

    unused: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            raise TypeError(
                f"{cls.__name__} declares its parameters with parameter(...), so it must not define __init__"
            )
        _adopt_new_defaults(cls)
        dataclasses.dataclass(cls, eq=False, repr=False, match_args=False)

    def check_parameters(self) -> None:
        """Raise TypeError or ValueError, naming the parameter, for the first one with a wrong type or range, and
        ValueError for one that would make no difference."""
        hints = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            check_value(
                f"{type(self).__name__}.{field.name}", getattr(self, field.name), hints[field.name], field.metadata
            )
        for name, reason in self.unused.items():
            default, given = getattr(type(self), name), getattr(self, name)
            if given != default:
                raise ValueError(f"{type(self).__name__}.{name} must be {default!r}, got {given!r}: {reason}")


def _adopt_new_defaults(cls: type) -> None:
    """`beta = 0.02` in the body of a subclass is the inherited parameter with another default."""
    parent = next((base for base in cls.__mro__[1:] if dataclasses.is_dataclass(base)), None)
    for field in dataclasses.fields(parent) if parent else ():
        own = vars(cls).get("__annotations__", {})
        if field.name in vars(cls) and field.name not in own:
            hint = typing.get_type_hints(parent)[field.name]
            cls.__annotations__ = {**own, field.name: hint}
            default = dataclasses.field(default=vars(cls)[field.name], kw_only=field.kw_only, metadata=field.metadata)
            setattr(cls, field.name, default)


def check_value(name: str, value: Any, hint: Any, rules: typing.Mapping[str, Any]) -> None:
    if not _matches(value, hint):
        raise TypeError(f"{name} must be {_describe(hint)}, got {value!r} of type {type(value).__name__}")
    if isinstance(value, str):
        if rules.get("options") and value not in rules["options"]:
            others = "" if hint is str else f" (or {_describe(hint, leave_out=str)})"
            raise ValueError(f"{name} must be one of {', '.join(map(repr, rules['options']))}{others}, got {value!r}")
        return
    for number in value if isinstance(value, tuple | list) else (value,):
        if isinstance(number, numbers.Real) and not isinstance(number, bool):
            _check_bounds(name, number, rules.get("bounds", {}))


_COMPARE = {
    "at_least": (lambda x, b: x >= b, "at least"),
    "at_most": (lambda x, b: x <= b, "at most"),
    "above": (lambda x, b: x > b, "above"),
    "below": (lambda x, b: x < b, "below"),
}


def _check_bounds(name, number, bounds):
    for rule, bound in bounds.items():
        holds, words = _COMPARE[rule]
        if not holds(number, bound):  # also refuses NaN
            raise ValueError(f"{name} must be {words} {bound}, got {number!r}")


def _matches(value, hint) -> bool:
    if hint is Any:
        return True
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_matches(value, option) for option in typing.get_args(hint))
    if origin is tuple:
        element = typing.get_args(hint)[0]
        return isinstance(value, tuple | list) and all(_matches(v, element) for v in value)
    if hint is float:
        return isinstance(value, numbers.Real) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if hint in (None, type(None)):
        return value is None
    try:
        return isinstance(value, origin or hint)
    except TypeError:  # a protocol that can't be checked at run time
        return True


def _describe(hint, leave_out=None) -> str:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_describe(option) for option in typing.get_args(hint) if option is not leave_out)
    if origin is tuple:
        return f"a tuple of {_describe(typing.get_args(hint)[0])}"
    names = {int: "an integer", float: "a number", str: "a string", bool: "True or False", type(None): "None"}
    return names.get(hint, getattr(hint, "__name__", str(hint)))
