"""Fingerprints: a SHA-256 for a stage on a platform over everything that can change its result.

The own part (the canonical form of its operations, the bytes and modes of the files that it reads, the base image's
digest) and the parents' part are kept apart, so that a plan can say *directly modified* or *indirectly modified*.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cached_property

from edgebake.dataclasses import dataclass
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
    """What a stage on one platform follows from."""

    own: str  # digest of its own part
    # fingerprints of the stages that it is made from, by id; the one it continues first
    parents: tuple[tuple[str, str], ...]
    parts: tuple[tuple[str, str], ...]  # digests of its own inputs by name, for telling which one changed
    digest: str

    def __str__(self) -> str:
        return self.digest


class Fingerprints:
    """Computes the fingerprints of a compilation, each once. Its project's files are read."""

    def __init__(self, compilation: Compilation) -> None:
        self.compilation = compilation
        self._graph = compilation.graph
        self._known: dict[tuple[str, str, str], Fingerprint] = {}
        self._inputs: dict[tuple[str, Input], tuple[tuple[str, str], ...]] = {}
        self._rules: dict[str, IgnoreRules] = {}
        self._entries: dict[tuple[str, Input], list[FileEntry]] = {}

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

    def files(self, node: Node, platform: str) -> Iterator[FileEntry]:
        """Yield the files of the project's own that a stage reads on a platform, as they were fingerprinted.

        Raises:
            EdgebakeError: a file is missing, or leads out of the project.
        """
        for one in node.bodies[platform].inputs:
            if one.kind == "project":
                yield from self._sent(node.target, one)

    def _compute(self, node: Node, body: Stage, platform: str) -> Fingerprint:
        parents = tuple((p, self._known[node.target, p, platform].digest) for p in body.parents)
        parts = tuple(self._parts(node, body, platform))
        # What fields say is for people; operations, files and the base decide.
        own = digest_of([part for part in parts if not part[0].startswith("recipe ")])
        return Fingerprint(own, parents, parts, digest_of([own, [digest for _, digest in parents]]))

    def _parts(self, node: Node, body: Stage, platform: str) -> Iterator[tuple[str, str]]:
        begins = body.base.role if isinstance(body.base, ImageRef) else "stage"
        yield "instructions", digest_of([_MEANING, begins, body.ops.digest])
        if self._templates:
            yield "templates", self._templates
        if node.kind in ("base", "native"):
            yield "base image", digest_of(self._base(node, platform))
        for one in body.inputs:
            yield from self._input(node.target, one)
        if self._wheelhouse and self._reads_wheelhouse(node.target, body):
            yield "wheelhouse", self._wheelhouse
        for name, value in body.parts:
            yield f"recipe {name}", digest_of(value)

    def _reads_wheelhouse(self, target: str, body: Stage) -> bool:
        """Tell whether wheels of the project's own can end in a stage: not where the lock has files' digests."""
        named = (self._graph.node(target, reference.id) for reference in body.ops.references)
        return not body.own and any(map(is_wheelhouse, named))

    @cached_property
    def wheels(self) -> Sequence[FileEntry] | None:
        """What is in the project's folder of wheels, with paths relative to it; None if it has none."""
        workspace = self.compilation.workspace
        folder = workspace.project.wheelhouse
        if folder is None or not (workspace.root / folder).is_dir():
            return None
        return list_files(workspace.root / folder, ["."], IgnoreRules())

    @cached_property
    def _templates(self) -> str:
        """The digest of the templates with which the project itself prints Dockerfiles; "" if it has none."""
        folder = project_templates(self.compilation.workspace.root).own_printing
        return tree_digest(list_files(folder, ["."], IgnoreRules())) if folder else ""

    @cached_property
    def _wheelhouse(self) -> str:
        """The digest of the project's folder of wheels; "" if it has none."""
        return "" if self.wheels is None else tree_digest(self.wheels)

    def _base(self, node: Node, platform: str) -> list[str]:
        target = self.compilation.targets[node.target]
        native = node.kind == "native"
        image = target.base.native if native and target.base.native else target.base.image
        lock = self.compilation.workspace.lock
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
            yield f"file {one.shown}", digest_of([executable, content])
        else:
            for entry in list_files(one.source.parent, [one.source.name], WITHOUT_BYTECODE):
                yield f"file {one.shown}/{entry.path}", tree_digest([entry])

    def _sent(self, target: str, one: Input) -> list[FileEntry]:
        """Return the files of an input of the project's own that a build is sent."""
        if target not in self._rules:
            self._rules[target] = context_rules(self.compilation, target)
        if (target, one) not in self._entries:
            root, rules = self.compilation.workspace.root, self._rules[target]
            self._entries[target, one] = list_files(root, [one.name], rules)
        return self._entries[target, one]


_GENERATED = {"requirements": "packages", "constraints": "constraints"}


def digest_of(value: object) -> str:
    """Return the SHA-256 of a value as JSON, in hex."""
    return hashlib.sha256(_as_json(value).encode()).hexdigest()
