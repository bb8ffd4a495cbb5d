"""Functions for templates that can make much of little: what they make is measured beforehand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from jinja2 import pass_eval_context
from jinja2.exceptions import SecurityError
from jinja2.filters import do_indent, do_replace, do_round, sync_do_join
from jinja2.nodes import EvalContext

from edgebake.templating.budget import budget
from edgebake.templating.visible import charge

_BITS = 4096  # of an integer


def check_bits(bits: int) -> None:
    """Refuse a number that is too large.

    Raises:
        SecurityError: it has more bits than templates may handle.
    """
    if bits > _BITS:
        raise SecurityError("the number is too large")


def check_product(one: Any, times: Any) -> None:
    """Refuse a product that is too large.

    Raises:
        SecurityError: a number, text or list would be too large.
    """
    if isinstance(one, int) and isinstance(times, int):
        check_bits(one.bit_length() + times.bit_length())
    elif isinstance(times, int) and isinstance(one, str):
        budget().spend_text(len(one) * max(times, 0))
    elif isinstance(times, int) and isinstance(one, list | tuple):
        budget().spend(len(one) * max(times, 0))


def bounded_range(*bounds: int) -> list[int]:
    """Return the numbers of a range."""
    found = range(*bounds)
    budget().spend(len(found[: budget().work + 1]))
    return list(found)


def rounded(value: float, precision: int = 0, method: str = "common") -> float:
    """Return a number, rounded to some digits."""
    check_bits(abs(precision) * 4)
    return do_round(value, precision, method)  # type: ignore[arg-type]


def formatted(text: str, *values: Any, **named: Any) -> str:
    """Return `text % values`, with widths of two digits."""
    filled = [text, *values, *named.values()]
    charge(filled, records=False)
    budget().spend_text(len(text) + text.count("%") * (100 + max(len(str(value)) for value in filled)))
    if re.search(r"%(\([^)]*\))?[^a-zA-Z%]*(\*|[0-9]{3})", text):
        raise SecurityError("a width in a format is too large")
    result: str = text % (named or values)
    charge(result)
    return result


@pass_eval_context
def joined(context: EvalContext, value: Iterable[Any], d: Any = "", attribute: Any = None) -> Any:
    """Return values as one text."""
    values = list(value)
    budget().spend_text(len(values) * len(str(d)))
    return sync_do_join(context, values, d, attribute)


def _join(separator: str, values: Iterable[str]) -> str:
    found = list(values)
    budget().spend_text(len(found) * len(separator))
    return separator.join(found)


def _replace(text: str, old: str, new: str, count: int = -1) -> str:
    budget().spend_text(text.count(old) * len(new))
    return text.replace(old, new, count)


@pass_eval_context
def replaced(context: EvalContext, text: Any, old: str, new: str, count: int | None = None) -> Any:
    """Return a text with parts of it replaced."""
    budget().spend_text(str(text).count(str(old)) * len(str(new)))
    return do_replace(context, text, old, new, count)


def indented(text: str, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    """Return a text with its lines indented."""
    size = len(width) if isinstance(width, str) else max(width, 0)
    budget().spend_text(len(text) + (text.count("\n") + 1) * size)
    return do_indent(text, width, first, blank)


BOUNDED_METHODS: dict[tuple[type, str], Callable[..., Any]] = {
    (str, "join"): _join,
    (str, "replace"): _replace,
    (dict, "items"): lambda self: list(self.items()),
    (dict, "keys"): lambda self: list(self),
    (dict, "values"): lambda self: list(self.values()),
}
