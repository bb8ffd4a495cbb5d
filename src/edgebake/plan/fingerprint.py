"""Fingerprints: a SHA-256 for a stage on a platform over everything that can change its result.

The own part (the canonical form of its operations, the bytes and modes of the files that it reads, the base image's
digest) and the parents' part are kept apart, so that a plan can say *directly modified* or *indirectly modified*.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from edgebake.graph.compile import Compilation
from edgebake.graph.inputs import Input
from edgebake.graph.node import Node, Stage
from edgebake.graph.ops import ImageRef
from edgebake.graph.stages import is_wheelhouse
from edgebake.load.ignore import WITHOUT_BYTECODE, IgnoreRules
from edgebake.load.tree import FileEntry, list_files, tree_digest
from edgebake.render.ignore_file import context_rules
from edgebake.templating.templates import project_templates

_MEANING = 1
"""Counts up when equal operations come to be other instructions, so that what was built of them is built again."""

_as_json = json.JSONEncoder(separators=(",", ":")).encode


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
            missing = [p for p in body.parents if (node.target, p, platform) not in self._known]
            if missing:
                todo.extend(missing)
            else:
                self._known[key] = self._compute(self._graph.node(node.target, todo.pop()), body, platform)
        return self._known[node.target, node.id, platform]

    def _compute(self, node: Node, body: Stage, platform: str) -> Fingerprint:
        parents = tuple((p, self._known[node.target, p, platform].digest) for p in body.parents)
        parts = tuple(self._parts(node, body, platform))
        # What fields say is for people; operations, files and the base decide.
        own = _digest([part for part in parts if not part[0].startswith("recipe ")])
        return Fingerprint(own, parents, parts, _digest([own, [digest for _, digest in parents]]))

    def _parts(self, node: Node, body: Stage, platform: str) -> Iterator[tuple[str, str]]:
        begins = body.base.role if isinstance(body.base, ImageRef) else "stage"
        yield "instructions", _digest([_MEANING, begins, body.ops.digest])
        if self._templates:
            yield "templates", self._templates
        if node.kind in ("base", "native"):
            yield "base image", _digest(self._base(node, platform))
        for one in body.inputs:
            yield from self._input(node.target, one)
        if self._wheelhouse and self._reads_wheelhouse(node.target, body):
            yield "wheelhouse", self._wheelhouse
        for name, value in body.parts:
            yield f"recipe {name}", _digest(value)

    def _reads_wheelhouse(self, target: str, body: Stage) -> bool:
        """Tell whether wheels of the project's own can end in a stage: not where the lock has files' digests."""
        named = (self._graph.node(target, reference.id) for reference in body.ops.references)
        return not body.own and any(map(is_wheelhouse, named))

    @cached_property
    def _templates(self) -> str:
        """The digest of the templates with which the project itself prints Dockerfiles; "" if it has none."""
        folder = project_templates(self._compilation.workspace.root).own_printing
        return tree_digest(list_files(folder, ["."], IgnoreRules())) if folder else ""

    @cached_property
    def _wheelhouse(self) -> str:
        """The digest of the project's folder of wheels; "" if it has none."""
        workspace = self._compilation.workspace
        folder = workspace.project.wheelhouse
        if folder is None or not (workspace.root / folder).is_dir():
            return ""
        return tree_digest(list_files(workspace.root / folder, ["."], IgnoreRules()))

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
        """Return the digests of what one input holds, by the names that a plan has for them."""
        if one.content is not None:
            return ((f"python {_GENERATED[one.kind]}", one.digest),)
        key = (target if one.kind == "project" else "", one)
        if key not in self._inputs:
            self._inputs[key] = tuple(self._by_file(target, one))
        return self._inputs[key]

    def _by_file(self, target: str, one: Input) -> Iterator[tuple[str, str]]:
        assert one.source is not None
        if one.kind == "project":
            for entry in self._sent(target, one):
                yield f"file {entry.path}", tree_digest([entry])
        elif one.source.is_file():
            # It is copied with one of two modes, so only that much of a mode counts.
            executable = bool(one.source.stat().st_mode & 0o100)
            content = hashlib.sha256(one.source.read_bytes()).hexdigest()
            yield f"file {one.shown}", _digest([executable, content])
        else:
            for entry in list_files(one.source.parent, [one.source.name], WITHOUT_BYTECODE):
                yield f"file {one.shown}/{entry.path}", tree_digest([entry])

    def _sent(self, target: str, one: Input) -> list[FileEntry]:
        """Return the files of an input of the project's own that a build is sent."""
        if target not in self._rules:
            self._rules[target] = context_rules(self._compilation, target)
        return list_files(self._compilation.workspace.root, [one.name], self._rules[target])


_GENERATED = {"requirements": "packages", "constraints": "constraints"}


def _digest(value: object) -> str:
    return hashlib.sha256(_as_json(value).encode()).hexdigest()
