"""Commands whose options are the fields of a dataclass: each option is declared and checked in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from functools import wraps
from inspect import Parameter, Signature
from typing import Any, TypeVar, get_type_hints

Options = TypeVar("Options")


def command(options: type[Options]) -> Callable[[Callable[[Options], None]], Callable[..., None]]:
    """Return a decorator for a function of one argument, which makes it a command of Typer's.

    Args:
        options: a dataclass. Its fields, with their annotations and defaults, are the command's parameters. What
            cannot be combined is refused by its `__post_init__`.
    """

    def decorate(run: Callable[[Options], None]) -> Callable[..., None]:
        @wraps(run)
        def call(**values: Any) -> None:
            run(options(**values))

        return with_parameters(call, options)

    return decorate


def with_parameters(call: Callable[..., None], options: type) -> Callable[..., None]:
    """Return a function that has the fields of a dataclass as parameters, for Typer to read."""
    hints = get_type_hints(options, include_extras=True)
    parameters = [
        Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(options)
    ]
    call.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call
