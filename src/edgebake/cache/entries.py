"""Answers of commands, given again while nothing that they follow from has changed."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.cache.snapshot import Place, Snapshot, UnfitError
from edgebake.cache.store import Store
from edgebake.cache.watch import Watch

if TYPE_CHECKING:
    from edgebake.load.workspace import Workspace

VERSION = 1
_LIBRARIES = ("jinja2", "markupsafe", "packaging", "pydantic", "pydantic_core", "resolvelib", "typer", "yaml")
"""What a compilation runs on beside edgebake: all that it imports."""


@dataclass(frozen=True)
class Answer:
    """What a command printed on stdout and stderr, and its exit code."""

    out: str
    err: str = ""
    code: int = 0


class Answers:
    """The answer to one call of a command.

    Args:
        store: where answers are kept; None to know and keep none.
        root: the project's folder.
        call: the command and all that it was called with.
    """

    def __init__(self, store: Store | None, root: Path, call: str) -> None:
        self._store = store
        self._root = Path(os.path.realpath(root))
        self._call = call
        self._snapshot = Snapshot()
        self._watch: Watch | None = None
        self._places: list[Place] = []

    def known(self) -> Answer | None:
        """Return the answer, if all that it follows from is now as it was."""
        if self._store is None:
            return None
        found = self._store.get(self._name)
        try:
            places = [Place(kind, path) for kind, path in found["places"]]
            answer = Answer(found["out"], found["err"], found["code"])
            if self._snapshot.digests(places) == found["digests"]:
                return answer
        except (UnfitError, KeyError, TypeError, ValueError):
            pass
        return None

    def opened(self, open_workspace: Callable[[], Workspace]) -> Workspace:
        """Return the workspace that the answer is made from, opened after a look at all that belongs to it.

        Args:
            open_workspace: opens it; called again if the first time only told what belongs to it.

        Raises:
            EdgebakeError: whatever opening it raises.
        """
        if self._store is None:
            return open_workspace()
        self._watch = Watch()
        workspace = open_workspace()
        try:
            places = list(places_of(workspace))
            if not all(place in self._snapshot for place in places):
                self._snapshot.digests(places)
                workspace = open_workspace()
            if list(places_of(workspace)) == places:
                self._places = places
        except UnfitError:
            pass
        return workspace

    def keep(self, answer: Answer) -> None:
        """Keep the answer, if nothing that it follows from has changed since the workspace was opened."""
        if self._store is None or self._watch is None or not self._places:
            return
        self._watch.stop()
        if self._watch.strangers(self._places) or not self._snapshot.stands():
            return
        digests = self._snapshot.digests(self._places)
        value = {"places": self._places, "digests": digests, "out": answer.out, "err": answer.err}
        self._store.put(self._name, {**value, "code": answer.code})

    @property
    def _name(self) -> str:
        environment = [VERSION, sys.version, list(_libraries())]
        text = json.dumps([environment, os.fspath(self._root), self._call])
        return hashlib.sha256(text.encode()).hexdigest()


def places_of(workspace: Workspace) -> Iterator[Place]:
    """Yield all that a compilation, and a plan that looks at nothing else, is made from.

    Raises:
        UnfitError: a recipe's place cannot be named.
    """
    from edgebake.load.catalogue import builtin_root
    from edgebake.load.folders import is_path
    from edgebake.model.files import LOCK_FILE, PROJECT_FILE
    from edgebake.plan.journal import JOURNAL_FILE
    from edgebake.render.ignore_file import IGNORE_FILE
    from edgebake.render.writer import STATE_FOLDER

    root, builtin, project = workspace.root, builtin_root(), workspace.project
    yield Place("code", os.fspath(Path(__file__).resolve().parents[1]))
    for folder in ("recipes", "targets", "templates"):
        yield Place("tree", os.fspath(builtin / folder))
    other = os.fspath(Path(PROJECT_FILE).with_suffix(".yml"))
    for file in (PROJECT_FILE, other, LOCK_FILE, IGNORE_FILE, JOURNAL_FILE, f"{STATE_FOLDER}/pending.json"):
        yield Place("file", os.fspath(root / file))
    folders = [root / "templates", *workspace.catalogue.own_folders(), root / project.output]
    folders += [root / text for image in project.images.values() for text in image.recipes if is_path(text)]
    if project.wheelhouse:
        folders.append(root / project.wheelhouse)
    for tree in dict.fromkeys(folders):
        if ".." in tree.parts or tree == root:
            raise UnfitError(f"{tree} is too large, or may lead anywhere")
        yield Place("tree", os.fspath(tree))


def _libraries() -> Iterator[str]:
    """Yield what tells the libraries' versions: where they are, and the metadata that lie there."""
    for name in _LIBRARIES:
        spec = PathFinder.find_spec(name)
        if spec is not None and spec.origin is not None:
            yield spec.origin
    for folder in dict.fromkeys(sys.path):
        yield from _metadata(folder)


def _metadata(folder: str) -> list[str]:
    """Return the names of packages in a folder, with their versions."""
    try:
        with os.scandir(folder or ".") as entries:
            return sorted(one.name for one in entries if one.name.endswith((".dist-info", ".egg-info")))
    except OSError:
        return []
