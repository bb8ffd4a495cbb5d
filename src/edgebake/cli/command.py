"""Commands whose options are the fields of a dataclass: each option is declared and checked in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import wraps
from inspect import Parameter, Signature
from typing import Any, TypeVar, get_type_hints

import typer
from typer.models import OptionInfo, ParameterInfo
from typing_extensions import dataclass_transform

Options = TypeVar("Options")
Completion = Callable[[typer.Context, str], list[str]] | None
Words = list[str] | None
"""The type of an argument or option that can be repeated."""


def option(text: str, *names: str, default: Any = None, complete: Completion = None, **more: Any) -> Any:
    """Return an option, which a field of `command_options` has in the place of its default.

    Args:
        text: its help.
        names: its short name, and its long one if that is not the field's.
        default: the value without the option.
        complete: what a shell completes it with (`cli.complete`).
        more: as for typer.Option, such as `metavar`.
    """
    return typer.Option(default, *names, help=text, autocompletion=complete, **more)


def flag(text: str, *names: str) -> Any:
    """Return an option without a value; see :func:`option`."""
    return option(text, *names, default=False)


def argument(text: str, *, metavar: str, default: Any = None, complete: Completion = None) -> Any:
    """Return a positional argument, as :func:`option` does; with the default `...` it is required."""
    return typer.Argument(default, metavar=metavar, help=text, autocompletion=complete)


@dataclass_transform(frozen_default=True)
def command_options(declared: type[Options]) -> type[Options]:
    """Make a class a dataclass for `command`. The type checker refuses to change an object.

    Every command's options are declared whichever command runs. So only `__init__` is generated: the other methods
    of a frozen dataclass would cost each command 20 ms.
    """
    for name, info in list(vars(declared).items()):
        if isinstance(info, ParameterInfo):
            setattr(declared, name, field(default=info.default, metadata={"info": _named(info, name)}))
    return dataclass(repr=False, eq=False)(declared)


def _named(info: ParameterInfo, field_name: str) -> ParameterInfo:
    """Return an option with its long name: its own, or else that of its field."""
    names = info.param_decls or ()
    if isinstance(info, OptionInfo) and not any(name.startswith("--") for name in names):
        info.param_decls = (f"--{field_name.replace('_', '-')}", *names)
    return info


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
    hints = get_type_hints(declared)
    parameters = [
        Parameter(one.name, Parameter.KEYWORD_ONLY, default=one.metadata["info"], annotation=hints[one.name])
        for one in fields(declared)
    ]
    call.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call
