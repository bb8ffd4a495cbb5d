"""Cached output of commands, valid while none of their inputs has changed."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edgebake.cache.snapshot import Input, Snapshot, UncacheableError
from edgebake.cache.watch import Watch
from edgebake.system.store import Store

if TYPE_CHECKING:
    from edgebake.load.workspace import Workspace

VERSION = 1
_LIBRARIES = ("jinja2", "markupsafe", "packaging", "pydantic", "pydantic_core", "resolvelib", "typer", "yaml")
"""The libraries that a compilation imports."""


class CachedOutput(NamedTuple):
    """The output of a command on stdout and stderr, and its exit code."""

    out: str
    err: str = ""
    code: int = 0


class OutputCache:
    """The cached output of one call of a command.

    Args:
        store: the store of cached outputs; None to cache nothing.
        root: the project's folder.
        call: the command and all its parameters.
    """

    def __init__(self, store: Store | None, root: Path, call: str) -> None:
        self._store = store
        self._root = Path(os.path.realpath(root))
        self._call = call
        self._snapshot = Snapshot()
        self._watch: Watch | None = None
        self._inputs: list[Input] = []

    def get(self) -> CachedOutput | None:
        """Return the cached output; None if there is none, or an input has changed."""
        if self._store is None:
            return None
        entry = self._store.get(self._name)
        try:
            inputs = [Input(kind, path) for kind, path in entry["places"]]
            output = CachedOutput(*entry["output"])
            if self._snapshot.digests(inputs) == entry["digests"]:
                return output
        except (UncacheableError, KeyError, TypeError, ValueError):
            pass
        return None

    def open_workspace(self, open_workspace: Callable[[], Workspace]) -> Workspace:
        """Return the workspace, opened after its inputs were read for their digests.

        Args:
            open_workspace: opens the workspace. It is called a second time if the first call only found the inputs.

        Raises:
            EdgebakeError: `open_workspace` raised it.
        """
        if self._store is None:
            return open_workspace()
        self._watch = Watch()
        workspace = open_workspace()
        try:
            inputs = list(inputs_of(workspace))
            if not all(item in self._snapshot for item in inputs):
                self._snapshot.digests(inputs)
                workspace = open_workspace()
            if list(inputs_of(workspace)) == inputs:
                self._inputs = inputs
        except UncacheableError:
            pass
        return workspace

    def put(self, output: CachedOutput) -> None:
        """Cache the output, unless an input has changed since the workspace was opened."""
        if self._store is None or self._watch is None or not self._inputs:
            return
        self._watch.stop()
        if self._watch.unexpected(self._inputs) or not self._snapshot.is_unchanged():
            return
        digests = self._snapshot.digests(self._inputs)
        self._store.put(self._name, {"places": self._inputs, "digests": digests, "output": output})

    @property
    def _name(self) -> str:
        environment = [VERSION, sys.version, list(_libraries())]
        text = json.dumps([environment, os.fspath(self._root), self._call])
        return hashlib.sha256(text.encode()).hexdigest()


def inputs_of(workspace: Workspace) -> Iterator[Input]:
    """Yield all inputs of a compilation, and of a plan without a registry, engine or builder.

    Raises:
        UncacheableError: a folder is the whole project, or its path contains `..`.
    """
    from edgebake.load.catalogue import builtin_root
    from edgebake.load.folders import is_path
    from edgebake.load.submodules import submodule_files
    from edgebake.model.conflicts import CONFLICTS_FILE
    from edgebake.model.files import LOCK_FILE, PROJECT_FILE
    from edgebake.plan.journal import JOURNAL_FILE
    from edgebake.render.ignore_file import IGNORE_FILE
    from edgebake.system.checkout import STATE_FOLDER

    root, builtin, project = workspace.root, builtin_root(), workspace.project
    yield Input("code", os.fspath(Path(__file__).resolve().parents[1]))
    for folder in ("recipes", "targets", "templates"):
        yield Input("tree", os.fspath(builtin / folder))
    other = os.fspath(Path(PROJECT_FILE).with_suffix(".yml"))
    state = (JOURNAL_FILE, CONFLICTS_FILE, f"{STATE_FOLDER}/pending.json")
    for file in (PROJECT_FILE, other, LOCK_FILE, IGNORE_FILE, *state):
        yield Input("file", os.fspath(root / file))
    for path in submodule_files(root):
        yield Input("file", os.fspath(path))
    folders = [root / "templates", *workspace.catalogue.own_folders(), root / project.output]
    folders += [root / text for image in project.images.values() for text in image.recipes if is_path(text)]
    if project.wheelhouse:
        folders.append(root / project.wheelhouse)
    for tree in dict.fromkeys(folders):
        if ".." in tree.parts or tree == root:
            raise UncacheableError(f"{tree} is too large, or leads out of the project")
        yield Input("tree", os.fspath(tree))


def _libraries() -> Iterator[str]:
    """Yield what identifies the versions of the libraries: their paths, and the names of their metadata."""
    specs = map(PathFinder.find_spec, _LIBRARIES)
    yield from (spec.origin for spec in specs if spec is not None and spec.origin is not None)
    for folder in dict.fromkeys(sys.path):
        with suppress(OSError), os.scandir(folder or ".") as entries:
            yield from sorted(entry.name for entry in entries if entry.name.endswith((".dist-info", ".egg-info")))
