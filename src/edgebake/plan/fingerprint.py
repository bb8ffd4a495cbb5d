"""Fingerprints: a SHA-256 for a stage on a platform over everything that can change its result.

The own part (instructions without comments and generated names, the bytes and modes of the files that it reads,
the base image's digest) and the parents' part are kept apart, so that a plan can say *directly modified* or
*indirectly modified*.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from edgebake.graph.compile import Compilation
from edgebake.graph.node import Body, Input, Node, references, substitute
from edgebake.graph.stages import WHEELHOUSE
from edgebake.load.ignore import WITHOUT_BYTECODE, IgnoreRules
from edgebake.load.tree import FileEntry, list_files, tree_digest
from edgebake.render.ignore_file import context_rules

_as_json = json.JSONEncoder(separators=(",", ":")).encode
_CONSTRAINTS = re.compile(r"<context>/constraints/[0-9a-f]+\.txt")
_HEREDOC = re.compile(r"<<-?[\"']?([A-Za-z_][A-Za-z0-9_]*)")


@dataclass(frozen=True)
class Fingerprint:
    """What a stage on one platform follows from.

    Attributes:
        own: digest of its own part.
        parents: fingerprints of the stages that it is made from, by id; the one it continues first.
        parts: digests of its own inputs by name, for telling which one changed.
    """

    own: str
    parents: tuple[tuple[str, str], ...]
    parts: tuple[tuple[str, str], ...]
    digest: str

    def __str__(self) -> str:
        return self.digest


class Fingerprints:
    """Computes fingerprints, each once.

    Args:
        compilation: the graph, and the project whose files the stages read.
    """

    def __init__(self, compilation: Compilation) -> None:
        self._compilation = compilation
        self._graph = compilation.graph
        self._known: dict[tuple[str, str, str], Fingerprint] = {}
        self._inputs: dict[tuple[str, Input], tuple[tuple[str, str], ...]] = {}
        self._rules: dict[str, IgnoreRules] = {}

    def of(self, node: Node, platform: str) -> Fingerprint:
        """Return a stage's fingerprint on a platform.

        Raises:
            EdgebakeError: a file that it reads is missing, or leads out of the project.
        """
        # Not recursive: lines can be longer than Python's stack.
        todo = [node.id]
        while todo:
            key = (node.target, todo[-1], platform)
            if key in self._known:
                todo.pop()
                continue
            body = self._graph.node(node.target, todo[-1]).bodies[platform]
            missing = [p for p in body.stages if (node.target, p, platform) not in self._known]
            if missing:
                todo.extend(missing)
            else:
                self._known[key] = self._compute(self._graph.node(node.target, todo.pop()), body, platform)
        return self._known[node.target, node.id, platform]

    def _compute(self, node: Node, body: Body, platform: str) -> Fingerprint:
        parents = tuple((p, self._known[node.target, p, platform].digest) for p in body.stages)
        parts = tuple(self._parts(node, body, platform))
        # What fields say is for people; instructions, files and the base decide.
        own = _digest([part for part in parts if not part[0].startswith("recipe ")])
        return Fingerprint(own, parents, parts, _digest([own, [digest for _, digest in parents]]))

    def _parts(self, node: Node, body: Body, platform: str) -> Iterator[tuple[str, str]]:
        yield "instructions", _digest(self._normalised(node, body))
        if node.kind in ("base", "native"):
            yield "base image", _digest(self._base(node, platform))
        for one in body.inputs:
            yield from self._input(node.target, one)
        if self._reads_wheelhouse(node, body):
            yield "wheelhouse", self._wheelhouse
        for name, value in body.parts:
            yield f"recipe {name}", _digest(value)

    def _reads_wheelhouse(self, node: Node, body: Body) -> bool:
        """Tell whether wheels of the user's own can end in a stage: not where the lock has the files' digests."""
        if not self._wheelhouse or node.kind == "artifact":
            return False
        named = any(_is_wheelhouse(self._graph.node(node.target, stage)) for stage in body.stages)
        return named and not (node.kind == "fetch" and all(_has_digests(one) for one in body.inputs))

    @cached_property
    def _wheelhouse(self) -> str:
        """The digest of the project's folder of wheels; "" if it has none."""
        workspace = self._compilation.workspace
        folder = workspace.project.wheelhouse
        if folder is None or not (workspace.root / folder).is_dir():
            return ""
        return tree_digest(list_files(workspace.root / folder, ["."], IgnoreRules()))

    def _normalised(self, node: Node, body: Body) -> list[str]:
        """Return the instructions without comments and generated names: stages by their place among the parents."""
        places = {stage: f"<stage {index}>" for index, stage in enumerate(references(body.text))}
        text = substitute(body.text, places, "<self>")
        output = self._compilation.workspace.project.output
        for folder in ("context", f"{node.target}/requirements"):
            text = text.replace(f"{output}/{folder}/", f"<{folder}>/")
        text = _CONSTRAINTS.sub("<constraints>", text)  # named after their content, which counts as a file's does
        return list(_without_comments(text))

    def _base(self, node: Node, platform: str) -> list[str]:
        target = self._compilation.targets[node.target]
        native = node.kind == "native"
        image = target.base.native if native and target.base.native else target.base.image
        lock = self._compilation.workspace.lock
        locked = lock.bases.get(image) if lock else None
        if locked is None or locked.digest is None:
            return [image]
        return [locked.digest if native else locked.platforms.get(platform, locked.digest)]

    def _input(self, target: str, one: Input) -> tuple[tuple[str, str], ...]:
        """Return the digests of what one input holds, by the names under which a plan tells of them."""
        if one.content is not None:
            name = "python packages" if "/requirements/" in one.path else "python constraints"
            return ((name, hashlib.sha256(one.content).hexdigest()),)
        key = ("" if one.vendored else target, one)
        if key not in self._inputs:
            self._inputs[key] = tuple(_by_file(one, self._entries(target, one)))
        return self._inputs[key]

    def _entries(self, target: str, one: Input) -> list[FileEntry]:
        assert one.source is not None
        if one.vendored:
            return list_files(one.source.parent, [one.source.name], WITHOUT_BYTECODE)
        if target not in self._rules:
            self._rules[target] = context_rules(self._compilation, target)
        return list_files(self._compilation.workspace.root, [one.path], self._rules[target])


def _is_wheelhouse(node: Node) -> bool:
    return node.kind == "artifact" and node.label == WHEELHOUSE


def _has_digests(requirements: Input) -> bool:
    """Tell whether each requirement of a file names the digests of what may be installed, on lines of their own."""
    lines = (requirements.content or b"").splitlines()
    return all(line.startswith(b" ") or line.endswith(b"\\") for line in lines)


def _by_file(one: Input, entries: list[FileEntry]) -> Iterator[tuple[str, str]]:
    # Vendored files are written with one of two modes, so only that much of a mode counts.
    name = one.path.split("/context/", 1)[-1] if one.vendored else one.path
    if one.vendored and one.source is not None and one.source.is_file():
        executable = bool(one.source.stat().st_mode & 0o100)
        yield f"file {name}", _digest([executable, hashlib.sha256(one.source.read_bytes()).hexdigest()])
        return
    for entry in entries:
        shown = f"{name}/{entry.path}" if one.vendored else entry.path
        yield f"file {shown}", tree_digest([entry])


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


def _digest(value: object) -> str:
    return hashlib.sha256(_as_json(value).encode()).hexdigest()
