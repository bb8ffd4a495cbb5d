"""Commands whose options are the fields of a dataclass: each option is declared and checked in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from functools import wraps
from inspect import Parameter, Signature
from typing import Any, TypeVar, get_type_hints

from typing_extensions import dataclass_transform

Options = TypeVar("Options")


@dataclass_transform(frozen_default=True)
def command_options(declared: type[Options]) -> type[Options]:
    """Make a class a dataclass for `command`. The type checker refuses to change an object.

    Every command's options are declared whichever command runs. So only `__init__` is generated: the other methods
    of a frozen dataclass would cost each command 20 ms.
    """
    return dataclass(repr=False, eq=False)(declared)


def command(declared: type[Options]) -> Callable[[Callable[[Options], None]], Callable[..., None]]:
    """Return a decorator for a function of one argument, which makes it a command of Typer's.

    Args:
        declared: made by `command_options`. Its fields, with their annotations and defaults, are the command's
            parameters. What cannot be combined is refused by its `__post_init__`.
    """

    def decorate(run: Callable[[Options], None]) -> Callable[..., None]:
        @wraps(run)
        def call(**values: Any) -> None:
            run(declared(**values))

        return with_parameters(call, declared)

    return decorate


def with_parameters(call: Callable[..., None], declared: type) -> Callable[..., None]:
    """Return a function that has the fields of a dataclass as parameters, for Typer to read."""
    hints = get_type_hints(declared, include_extras=True)
    parameters = [
        Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(declared)
    ]
    call.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call
