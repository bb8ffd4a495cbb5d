"""What templates of projects and recipes can handle: plain data, and objects that show a part of themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any

from jinja2 import TemplateRuntimeError, Undefined
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext, Macro
from jinja2.utils import Namespace

from edgebake.templating.budget import budget


class Function:
    """A function that templates can call, and do nothing else with."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Return what the function returns."""
        return self._function(*arguments, **named)

    def __repr__(self) -> str:
        raise SecurityError("a function is no text: call it, as in name(…)")


class Shown:
    """An object of which templates see the attributes in `shown`, and no others."""

    shown: frozenset[str] = frozenset()


class Kept:
    """A value that a recipe's template can put between its text, and do nothing else with."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __str__(self) -> str:
        raise TemplateRuntimeError("a stage or a step stands by itself, as {{ … }}: it is no text")


class KeptText(str):
    """Text that stands for a value: put between a template's own text, it is the value; in a filter, the text."""

    value: object

    def __new__(cls, text: str, value: object) -> KeptText:
        """Return the text."""
        self = super().__new__(cls, text)
        self.value = value
        return self


class Pieces(list[Any]):
    """What a template gives that puts values between its text."""


def charge(value: Any, *, records: bool = True) -> None:
    """Take what handling a value costs, with all that it holds.

    Args:
        value: what a template handles.
        records: whether it may hold more than plain data.

    Raises:
        SecurityError: it holds what templates must not see, or too much has been done.
    """
    spend, left = budget(), [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            spend.spend_text(len(one))
        elif isinstance(one, int):
            spend.spend(1 + one.bit_length() // 64)
        elif one is None or isinstance(one, float):
            spend.spend(1)
        elif isinstance(one, dict):
            spend.spend(1 + len(one))
            left += [*one, *one.values()]
        elif isinstance(one, list | tuple):
            spend.spend(1 + len(one))
            left += one
        else:
            spend.spend(1)
            _check_record(one, records)


def _check_record(value: Any, records: bool) -> None:
    if isinstance(value, Kept | Function | Undefined) and not records:
        str(value)  # says why it is no text, unless it is the text of an `if` without `else`
        return
    known = is_dataclass(value) or isinstance(
        value, Shown | Kept | Function | Undefined | Macro | LoopContext | Namespace | TemplateModule
    )
    if not records or not known:
        raise SecurityError(f"{type(value).__name__!r} is no plain data")
