"""The canonical form of an operation: one text for all that mean the same, and none for two that do not.

It is what ids and fingerprints are digests of. A field that has its default is left out, so that a new field leaves
every digest as it is. Comments, generated names and the folder of generated files are no part of it: a reference is
its place among the operation's own, and an input its kind and name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from functools import lru_cache
from typing import Any

from edgebake.graph.inputs import Input
from edgebake.graph.ops import Op, Raw, StageRef

_HEREDOC = re.compile(r"<<-?[\"']?([A-Za-z_][A-Za-z0-9_]*)")
_HOLE = "\0"  # where a template's text has a reference; no Dockerfile can hold this character


def canonical(op: Op) -> str:
    """Return the canonical form of an operation, as JSON. Other stages are numbered as it first names them."""
    places: dict[StageRef, int] = {}

    def plain(value: Any) -> object:
        match value:
            case StageRef():
                return {"stage": places.setdefault(value, len(places))}
            case Input():
                return {"input": value.canonical}
            case Raw():
                return {"Raw": _template(value)}
        kind: Any = type(value)
        given = ((name, getattr(value, name), default) for name, default in _fields(kind))
        return {kind.__name__: {name: one for name, one, default in given if one != default}}

    return json.JSONEncoder(separators=(",", ":"), default=plain).encode(op)


@lru_cache(maxsize=64)
def _fields(kind: Any) -> tuple[tuple[str, object], ...]:
    """Return the fields of an operation that count, with their defaults."""
    return tuple((one.name, one.default) for one in fields(kind) if one.name != "comment")


def _template(raw: Raw) -> list[object]:
    """Return a template's text without comments, and what it names, each where the text has a hole."""
    text = "".join(piece if isinstance(piece, str) else _HOLE for piece in raw.pieces)
    named = [piece for piece in raw.pieces if not isinstance(piece, str)]
    return ["\n".join(_without_comments(text)), named, raw.inputs]


def _without_comments(text: str) -> Iterator[str]:
    """Yield the lines that count. In a heredoc a `#` begins no comment."""
    terminators: list[str] = []
    for line in text.splitlines():
        if terminators:
            if line.strip("\t") == terminators[0]:
                terminators.pop(0)
            yield line
        elif not line.lstrip().startswith("#"):
            terminators += _HEREDOC.findall(line)
            yield line
