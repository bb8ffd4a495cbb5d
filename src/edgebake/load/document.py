"""YAML and JSON files as plain data: every scalar is text, and every value has a file:line:column.

YAML 1.1 would turn `3.10` into 3.1, `22:22` into 1342 and `on` into true. Here the models turn text into types.
A file is parsed again when a position is needed, so a valid file is parsed only once.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, Position
from edgebake.load.json_nodes import compose_json
from edgebake.system.own_files import read_regular

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml: slower, same result
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

MAX_BYTES = 1_000_000
MAX_NODES = 50_000  # values in a file after its aliases are expanded
MAX_DEPTH = 50
_UNCHECKED_DEPTH = 2_000  # brackets, dashes and colons that are safe for libyaml's recursion
_UNCHECKED_BYTES = 200_000
_MERGE_TAG = "tag:yaml.org,2002:merge"
_STANDARD_TAGS = tuple(
    f"tag:yaml.org,2002:{kind}"
    for kind in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq", "merge", "value")
)

_EMPTY = ("fill in the file, or remove it",)
_YAML_HINTS = {
    "mapping values are not allowed": "put the value in quotes if it contains ': '",
    "cannot start any token": "put the value in quotes if it starts with @, ` or %",
    "undefined alias": "put the value in quotes if it starts with *",
}
_JSON = ("put text in double quotes, and no comma after the last item",)

Location = tuple[str | int, ...]
Data = Any


@dataclass(frozen=True)
class Document:
    """A parsed file: its data, and the position of each value.

    `shown` is the path in messages, `path` the real one.
    """

    path: Path
    shown: str
    data: Data

    def at(self, location: Location = (), *, key: bool = False) -> Position:
        """Return the position of the value at `location`, or of the nearest value around it.

        Parts of `location` that are not in the file are skipped: pydantic adds names of a union's branches.

        Args:
            location: keys and indexes, from the root.
            key: whether to return the position of the last key, not of its value.
        """
        if self._root is None:
            return Position(self.shown)
        node, mark = self._root, self._root.start_mark
        for part in location:
            pair = _step(node, part)
            if pair is not None:
                key_node, node = pair
                at_value = isinstance(node, yaml.ScalarNode) and not key
                mark = (node if at_value or key_node is None else key_node).start_mark
        return Position(self.shown, mark.line + 1, mark.column + 1)

    @cached_property
    def _root(self) -> yaml.Node | None:
        if self.path.suffix == ".py":
            return None
        try:
            return _compose(read_text(self.path, self.shown), self.path, self.shown)
        except (OSError, UnicodeDecodeError, EdgebakeError):
            return None


Place = Position | tuple[Document, Location]
"""A position, or a document and a location in it. The position is looked up when it is needed."""


def position_of(place: Place | None) -> Position | None:
    """Return the position of a place; None if there is no place."""
    if isinstance(place, tuple):
        document, location = place
        return document.at(location)
    return place


def _step(node: yaml.Node, part: str | int) -> tuple[yaml.Node | None, yaml.Node] | None:
    """Return the key (None in a list) and the value at `part`; None if there is none."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return None, node.value[part]
    return None


def read_text(path: Path, shown: str) -> str:
    """Return the text of a user's file.

    `shown` is the path in messages.

    Raises:
        EdgebakeError: the file is missing, too large, empty, or not UTF-8.
    """
    try:
        if stat.S_ISREG(path.stat().st_mode) and path.stat().st_size > MAX_BYTES:
            message = f"the file has {path.stat().st_size:,} bytes; the limit is {MAX_BYTES:,}"
            raise EdgebakeError(message, at=Position(shown), hints=("move large content to a separate file",))
        raw = read_regular(path, MAX_BYTES)
    except OSError as error:
        raise EdgebakeError(f"cannot read the file: {error.strerror}", at=Position(shown)) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        raise EdgebakeError(
            "the file is not UTF-8",
            at=_at_end(before, shown),
            reason=f"byte 0x{raw[error.start]:02x} is not valid",
            hints=("save the file as UTF-8",),
        ) from None
    if not text.strip():
        raise EdgebakeError("the file is empty", at=Position(shown), hints=_EMPTY)
    return text


def _at_end(text: str, shown: str) -> Position:
    return Position(shown, text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1)


def load_document(path: Path, shown: str) -> Document:
    """Read a YAML or JSON file (by its suffix) as a mapping of text. A key without a value has the value None.

    `shown` is the path in messages.

    Raises:
        EdgebakeError: the file cannot be read or parsed, has a duplicate key, or is not a mapping.
    """
    root = _compose(read_text(path, shown), path, shown)
    data = _Builder(shown).build(root, 0)
    if not isinstance(data, dict):
        message = "the file must contain a mapping (key: value), not " + _kind(data)
        raise EdgebakeError(message, at=Position(shown, 1, 1))
    return Document(path=path, shown=shown, data=data)


def _kind(data: Data) -> str:
    if data is None:
        return "an empty value"
    return "a list" if isinstance(data, list) else "a single value"


def _compose(text: str, path: Path, shown: str) -> yaml.Node:
    try:
        return compose_json(text) if path.suffix == ".json" else _compose_yaml(text, shown)
    except json.JSONDecodeError as error:
        at = Position(shown, error.lineno, error.colno)
        raise EdgebakeError(f"the file is not valid JSON: {error.msg}", at=at, hints=_JSON) from None
    except RecursionError:
        raise EdgebakeError("the file is nested too deeply", at=Position(shown)) from None


def _compose_yaml(text: str, shown: str) -> yaml.Node:
    try:
        _refuse_hostile(text, shown)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        open_quote = error.context == "while scanning a quoted scalar" and "end of stream" in str(error.problem)
        at = _position(error.context_mark if open_quote else error.problem_mark, shown)
        problem, hints = _yaml_problem(error, text, at)
        reason = None if open_quote else error.context
        raise EdgebakeError(f"the file is not valid YAML: {problem}", at=at, reason=reason, hints=hints) from None
    except yaml.reader.ReaderError as error:
        raise EdgebakeError(
            f"the file is not valid YAML: {error.reason}", at=_reader_position(error, text, shown)
        ) from None
    if node is None:
        message = "the file is empty"
        raise EdgebakeError(message, at=Position(shown), reason="it contains only comments", hints=_EMPTY)
    return node


def _refuse_hostile(text: str, shown: str) -> None:
    """Refuse a file that would crash libyaml's composer, which recurses in C, or would need much memory."""
    if len(text) < _UNCHECKED_BYTES and sum(text.count(c) for c in "[{-?:") < _UNCHECKED_DEPTH:
        return
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=_Loader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH + 1:
            raise _too_deep(event.start_mark, shown)
        if number > 3 * MAX_NODES:
            raise _too_many(event.start_mark, shown)


def _too_deep(mark: Any, shown: str) -> EdgebakeError:
    return EdgebakeError(f"the file is nested more than {MAX_DEPTH} levels deep", at=_position(mark, shown))


def _too_many(mark: Any, shown: str) -> EdgebakeError:
    message = f"the file has more than {MAX_NODES:,} values after its aliases are expanded"
    return EdgebakeError(message, at=_position(mark, shown), hints=("use fewer values, anchors and aliases",))


def _position(mark: Any, shown: str) -> Position:
    return Position(shown, mark.line + 1, mark.column + 1) if mark else Position(shown)


def _reader_position(error: yaml.reader.ReaderError, text: str, shown: str) -> Position:
    # libyaml counts bytes. PyYAML's own reader counts characters, and reports no encoding.
    before = text[: error.position]
    if error.encoding == "?":
        before = text.encode()[: error.position].decode(errors="ignore")
    return _at_end(before, shown)


def _yaml_problem(error: yaml.MarkedYAMLError, text: str, at: Position) -> tuple[str, tuple[str, ...]]:
    problem = str(error.problem)
    lines = text.split("\n")
    line = lines[at.line - 1] if 0 < at.line <= len(lines) else ""
    if "tab character" in problem or line[at.column - 1 : at.column] == "\t":
        return "a tab is not allowed here", ("indent with spaces",)
    if "end of stream" in problem and "quoted scalar" in str(error.context):
        return "the quoted text has no end", ()
    if "another document" in problem:
        return "a second document starts here", ("remove the line '---'",)
    return problem, tuple(hint for phrase, hint in _YAML_HINTS.items() if phrase in problem)


class _Builder:
    """Turns a graph of nodes into data, and counts values, so that aliases cannot explode."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.left = MAX_NODES
        self.open: set[int] = set()

    def build(self, node: yaml.Node, depth: int) -> Data:
        self.left -= 1
        if self.left < 0:
            raise _too_many(node.start_mark, self.shown)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self.open:
            raise self._error(node, "the value contains itself through an alias", "write it out without the alias")
        if depth > MAX_DEPTH:
            raise _too_deep(node.start_mark, self.shown)
        self._refuse_tag(node)
        self.open.add(id(node))
        data: Data
        if isinstance(node, yaml.SequenceNode):
            data = [self.build(item, depth + 1) for item in node.value]
        else:
            data = dict(self._pairs(node, depth))
        self.open.discard(id(node))
        return data

    def _scalar(self, node: yaml.ScalarNode) -> str | None:
        self._refuse_tag(node)
        # An empty plain value (`key:`) is no value; '' in quotes is an empty text. libyaml's style of plain is "".
        if node.value == "" and not node.style:
            return None
        text = str(node.value)
        if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
            raise self._error(node, "the text contains a lone surrogate (half of a character)")
        return text

    def _refuse_tag(self, node: yaml.Node) -> None:
        if not node.tag.startswith(_STANDARD_TAGS):
            tag = node.tag.replace("tag:yaml.org,2002:", "!!")
            raise self._error(node, f"unsupported tag {tag!r}", "put the value in quotes if it starts with !")

    def _pairs(self, node: yaml.Node, depth: int) -> Iterator[tuple[str, Data]]:
        seen: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._error(key, "a key must be a single value", "put a value that starts with {{ in quotes")
            name = self._scalar(key) or ""
            if key.tag == _MERGE_TAG:
                raise self._error(key, "merge keys (<<) are not supported", "write the keys out")
            if name in seen:
                first = seen[name].start_mark.line + 1
                raise self._error(key, f"the key {name!r} is listed twice, first on line {first}")
            seen[name] = key
            yield name, self.build(value, depth + 1)

    def _error(self, node: yaml.Node, message: str, *hints: str) -> EdgebakeError:
        return EdgebakeError(message, at=_position(node.start_mark, self.shown), hints=hints)
