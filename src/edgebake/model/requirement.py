"""Requirements of recipes: `pytorch`, `pytorch:2.7`, `pytorch>=2.6,<2.8`, `ros[desktop]:humble`."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from edgebake.dataclasses import dataclass
from edgebake.model.base import NAME_PATTERN
from edgebake.model.versions import is_specifier, parse_range

_GRAMMAR = re.compile(
    rf"(?P<name>{NAME_PATTERN})"
    r"(?:\[(?P<flavours>[^\]]*)\])?"
    r"(?:\s*:\s*(?P<version>[A-Za-z0-9][A-Za-z0-9._+!-]*)|\s*(?P<range>[<>=!~].*))?"
)
_FLAVOUR = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True)
class Requirement:
    """A recipe's name, with the required flavours and version ("" is any version)."""

    name: str
    flavours: tuple[str, ...] = ()
    version: str = ""

    def __str__(self) -> str:
        flavours = f"[{','.join(self.flavours)}]" if self.flavours else ""
        separator = ":" if self.version and not is_specifier(self.version) else ""
        return f"{self.name}{flavours}{separator}{self.version}"

    @property
    def narrows(self) -> bool:
        """Whether it requires a version or flavours."""
        return bool(self.version or self.flavours)

    def named(self, name: str) -> Requirement:
        """Return the same requirement for another name: the recipe that an alias stands for."""
        return self if name == self.name else replace(self, name=name)


@lru_cache(maxsize=16384)
def parse_requirement(text: str) -> Requirement:
    """Read a requirement.

    Raises:
        ValueError: the text is not a requirement.
    """
    match = _GRAMMAR.fullmatch(text.strip(" "))
    if match is None:
        message = f"{text!r} is not a requirement (use name, name:version, name>=1,<2 or name[flavour]:version)"
        raise ValueError(message)
    flavours = tuple(sorted({part.strip() for part in (match["flavours"] or "").split(",") if part.strip()}))
    for flavour in flavours:
        if not _FLAVOUR.fullmatch(flavour):
            raise ValueError(f"{flavour!r} in {text!r} is not a flavour name")
    version = match["version"] or (match["range"] or "").replace(" ", "")
    if is_specifier(version):
        parse_range(version)
    return Requirement(match["name"], flavours, version)


def _validate(value: Any) -> Requirement:
    if isinstance(value, Requirement):
        return value
    if not isinstance(value, str):
        raise ValueError("must be text such as pytorch>=2.6")
    return parse_requirement(value)


RequirementField = Annotated[
    Requirement,
    PlainValidator(_validate),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["pytorch", "pytorch:2.7", "ros[desktop]:humble"]}),
]
