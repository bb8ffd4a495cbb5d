"""A YAML file from plain values, in the order that they are given, so that the same values are the same bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from edgebake.dataclasses import dataclass
from edgebake.templating.quote import yaml_string


@dataclass(frozen=True)
class Commented:
    """A value with a line above its key that says why it is there."""

    value: Value
    comment: str


class Live(str):
    """A text in which variables are filled in where the file is read, as far as its language can."""

    __slots__ = ()


Value: TypeAlias = "str | int | bool | Commented | Sequence[Value] | Mapping[str, Value] | None"

# What YAML 1.1 and 1.2 read as text, and as nothing else, without quotes; '~' and numbers begin otherwise.
_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./-]*")
_OTHER_WORDS = re.compile(r"true|false|yes|no|on|off|null|y|n|\.inf|\.nan", re.IGNORECASE)


def render_yaml(values: Mapping[str, Value], quote: Callable[[str], str] = yaml_string) -> str:
    """Return a mapping as block-style YAML.

    Args:
        values: the mapping; None and an empty mapping or list are left out with their key, as is what holds only
            such.
        quote: writes texts that are values and cannot stand without quotes; keys are YAML's own strings.
    """
    return "".join(f"{line}\n" for line in _mapping(values, quote))


def _mapping(values: Mapping[str, Value], quote: Callable[[str], str]) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Commented):
            yield f"# {value.comment}"
            value = value.value
        name = _scalar(key, yaml_string)
        if isinstance(value, str | int):
            yield f"{name}: {_scalar(value, quote)}"
        elif lines := list(_block(value, quote)):
            yield f"{name}:"
            yield from (f"  {line}" for line in lines)


def _block(value: Value, quote: Callable[[str], str]) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from _mapping(value, quote)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            lines = [_scalar(item, quote)] if isinstance(item, str | int) else list(_block(item, quote))
            yield from (f"{'  ' if index else '- '}{line}" for index, line in enumerate(lines))


def _scalar(value: str | int, quote: Callable[[str], str]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    is_plain = _PLAIN.fullmatch(value) and not _OTHER_WORDS.fullmatch(value)
    return value if is_plain else quote(value)
