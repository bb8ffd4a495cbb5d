"""YAML and JSON files as plain data: every scalar is text, and every value can tell its file:line:column.

YAML 1.1 would turn `3.10` into 3.1, `22:22` into 1342 and `on` into true; here the model gives types to text.
Positions are found again from the file only when an error needs one, so a good file costs one parse.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from edgebake.errors import EdgebakeError, Position

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml: slower, same result
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

MAX_BYTES = 1_000_000
MAX_NODES = 50_000  # values in one file after its aliases are written out
MAX_DEPTH = 50

Location = tuple[str | int, ...]
Data = Any


@dataclass(frozen=True)
class Document:
    """One parsed file: its data, and where each value stands.

    `shown` is the path as messages show it, `path` the real one.
    """

    path: Path
    shown: str
    data: Data

    def at(self, location: Location = ()) -> Position:
        """Return the position of the value at `location`, or of the nearest value around it.

        Parts of `location` that name nothing in the file (pydantic names a union's branches) are skipped.
        """
        if self.path.suffix == ".py":
            return Position(self.shown)
        try:
            node = _compose(self.path.read_text(encoding="utf-8"), self.shown)
        except (OSError, UnicodeDecodeError, EdgebakeError):
            return Position(self.shown)
        mark = node.start_mark
        for part in location:
            found = _step(node, part)
            if found is not None:
                node, mark = found
        return Position(self.shown, mark.line + 1, mark.column + 1)


def _step(node: yaml.Node, part: str | int) -> tuple[yaml.Node, Any] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return value, (value if isinstance(value, yaml.ScalarNode) else key).start_mark
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part].start_mark
    return None


def read_text(path: Path, shown: str) -> str:
    """Return the text of a user's file.

    Raises:
        EdgebakeError: the file is missing, too large, empty, or not UTF-8.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise EdgebakeError(
                f"the file has {path.stat().st_size:,} bytes; {MAX_BYTES:,} are the most that is read",
                at=Position(shown),
                hints=("put large content in a file of its own, and name that file here",),
            )
        raw = path.read_bytes()
    except OSError as error:
        raise EdgebakeError(f"cannot read the file: {error.strerror}", at=Position(shown)) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        raise EdgebakeError(
            "the file is not UTF-8",
            at=Position(shown, line, column),
            reason=f"byte 0x{raw[error.start]:02x} cannot stand there",
            hints=("save the file as UTF-8",),
        ) from None
    if not text.strip():
        raise EdgebakeError("the file is empty", at=Position(shown))
    return text


def load_document(path: Path, shown: str) -> Document:
    """Read a YAML or JSON file (by its suffix) as a mapping of text.

    Raises:
        EdgebakeError: the file cannot be read or parsed, has a key twice, or is not a mapping.
    """
    text = read_text(path, shown)
    data = _load_json(text, shown) if path.suffix == ".json" else _load_yaml(text, shown)
    if not isinstance(data, dict):
        raise EdgebakeError(
            "the file must hold a mapping (key: value), and holds " + _kind(data), at=Position(shown, 1, 1)
        )
    return Document(path=path, shown=shown, data=data)


def _kind(data: Data) -> str:
    if data is None:
        return "nothing"
    return "a list" if isinstance(data, list) else "a single value"


def _load_json(text: str, shown: str) -> Data:
    def pairs(items: list[tuple[str, Data]]) -> dict[str, Data]:
        seen: dict[str, Data] = {}
        for key, value in items:
            if key in seen:
                raise EdgebakeError(f"the key {key!r} stands twice in one mapping", at=Position(shown))
            seen[key] = value
        return seen

    try:
        data = json.loads(text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        raise EdgebakeError(
            f"the file is not JSON: {error.msg}", at=Position(shown, error.lineno, error.colno)
        ) from None
    except RecursionError:
        raise EdgebakeError("the file is nested too deeply", at=Position(shown)) from None
    return _booleans_as_text(data)


def _booleans_as_text(data: Data) -> Data:
    if isinstance(data, bool):
        return "true" if data else "false"
    if isinstance(data, dict):
        return {key: _booleans_as_text(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_booleans_as_text(value) for value in data]
    return data


def _compose(text: str, shown: str) -> yaml.Node:
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = Position(shown, mark.line + 1, mark.column + 1) if mark else Position(shown)
        raise EdgebakeError(
            f"the file is not YAML: {error.problem}", at=at, reason=error.context, hints=_yaml_hints(error)
        ) from None
    except yaml.reader.ReaderError as error:
        raise EdgebakeError(f"the file is not YAML: {error.reason}", at=Position(shown)) from None
    except RecursionError:
        raise EdgebakeError("the file is nested too deeply", at=Position(shown)) from None
    if node is None:
        raise EdgebakeError("the file is empty", at=Position(shown))
    return node


def _yaml_hints(error: yaml.MarkedYAMLError) -> tuple[str, ...]:
    problem = str(error.problem)
    if "\\t" in problem:
        return ("indent with spaces: YAML does not take tabs",)
    if "mapping values are not allowed" in problem:
        return ("put the value in quotes if it holds ': '",)
    if "cannot start any token" in problem:
        return ("put the value in quotes if it starts with @, ` or %",)
    return ()


def _load_yaml(text: str, shown: str) -> Data:
    root = _compose(text, shown)
    return _Builder(shown).build(root, 0)


class _Builder:
    """Turns a YAML node graph into data, and counts, so that aliases cannot explode."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.left = MAX_NODES

    def build(self, node: yaml.Node, depth: int) -> Data:
        self.left -= 1
        if self.left < 0 or depth > MAX_DEPTH:
            raise self._error(
                node,
                f"the file has more than {MAX_NODES:,} values once its aliases are written out"
                if self.left < 0
                else f"the file is nested more than {MAX_DEPTH} levels deep",
                ("write fewer anchors and aliases",),
            )
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, depth + 1) for item in node.value]
        return dict(self._pairs(node, depth))

    def _scalar(self, node: yaml.ScalarNode) -> str | None:
        # An empty plain value (`key:`) is nothing; '' in quotes is the empty text.
        if node.value == "" and node.style is None:
            return None
        return str(node.value)

    def _pairs(self, node: yaml.Node, depth: int) -> Iterator[tuple[str, Data]]:
        seen: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._error(key, "a key must be a single value", ())
            if key.value in seen:
                first = seen[key.value].start_mark.line + 1
                raise self._error(key, f"the key {key.value!r} stands twice; first in line {first}", ())
            seen[key.value] = key
            yield key.value, self.build(value, depth + 1)

    def _error(self, node: yaml.Node, message: str, hints: tuple[str, ...]) -> EdgebakeError:
        mark = node.start_mark
        return EdgebakeError(message, at=Position(self.shown, mark.line + 1, mark.column + 1), hints=hints)
