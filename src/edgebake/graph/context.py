"""What all stages of a project are made with: where files lie in the build context, and what steps carry."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import field
from functools import cached_property, lru_cache
from pathlib import Path

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, Position
from edgebake.graph.inputs import Input
from edgebake.load.catalogue import LoadedRecipe
from edgebake.load.submodules import submodule_at, submodule_error
from edgebake.model.lock import Lock
from edgebake.templating.templates import Templates

# Mount options are comma-separated words on a RUN line; a path in them is not quoted but kept plain.
_PLAIN = re.compile(r"[A-Za-z0-9._/+@-]+")


@dataclass(frozen=True)
class BuildContext:
    """What stages read from the build context, which is the project's folder, and what a project asks of them.

    Files of catalogue recipes are vendored into the generated files, so that these stand alone; the project's own
    are read where they are.

    Attributes:
        root: the project's folder.
        output: the folder of generated files, relative to it.
        templates: fill in the recipes' own, and find edgebake's scripts.
        lock: pins git refs; None if the project has no lock.
        certificates: steps that use the network trust the project's `ca_bundle`.
        wheelhouse: pip looks for wheels in the project's `wheelhouse` first.
        secrets: the names of the project's secrets.
    """

    root: Path
    output: str
    templates: Templates
    lock: Lock | None = None
    certificates: bool = False
    wheelhouse: bool = False
    secrets: frozenset[str] = frozenset()
    _known: dict[tuple[Path, str], Input] = field(default_factory=dict, compare=False)

    @cached_property
    def _real_root(self) -> Path:
        return self.root.resolve()

    def file(self, loaded: LoadedRecipe, path: str, at: Callable[[], Position], *, mounted: bool = False) -> Input:
        """Return a recipe's file or folder.

        Args:
            loaded: the recipe.
            path: relative to the recipe's folder.
            at: finds the position where the path is written, for messages.
            mounted: it goes into a mount, which takes only plain characters.

        Raises:
            EdgebakeError: it is missing, leads out of the project, or has characters that a mount cannot take.
        """
        key = (loaded.folder, path)
        if key not in self._known:
            self._known[key] = self._find(loaded, path, at)
        found = self._known[key]
        if mounted and not _PLAIN.fullmatch(found.path(self.output)):
            raise EdgebakeError(
                f"the path {found.path(self.output)!r} is mounted while building",
                at=at(),
                reason="a mount takes only letters, digits and . _ + @ - /",
                hints=("rename the file or its folder",),
            )
        return found

    def helper(self, name: str) -> Input:
        """Return a script of edgebake's own.

        Raises:
            FileNotFoundError: there is none of this name.
        """
        return Input("helper", name, self.templates.helper(name))

    def _find(self, loaded: LoadedRecipe, path: str, at: Callable[[], Position]) -> Input:
        source = loaded.folder / path
        if not source.exists():
            if module := submodule_at(self.root, source):
                raise submodule_error(module, at())
            raise EdgebakeError(
                f"the recipe {loaded.name!r} has no file {path!r}", at=at(), reason=f"it would be {source}"
            )
        self._refuse_outside(loaded, source, at)
        if loaded.vendored:
            return Input("vendored", f"{loaded.name}/{path}".removesuffix("/."), source)
        return Input("project", source.relative_to(self.root).as_posix(), source)

    def _refuse_outside(self, loaded: LoadedRecipe, source: Path, at: Callable[[], Position]) -> None:
        home = loaded.folder.resolve() if loaded.vendored else self._real_root
        if not source.resolve().is_relative_to(home):
            raise EdgebakeError(
                f"{source.name!r} of the recipe {loaded.name!r} leads out of the project",
                at=at(),
                reason=f"it is {source.resolve()}",
                hints=("copy what the build needs into the project's folder",),
            )


@lru_cache(maxsize=4096)
def constraints(lines: tuple[str, ...]) -> Input:
    """Return the file that holds the requirements of images that are not locked.

    It is named after its content: images that ask for the same have one file, and so the same stages.
    """
    content = "".join(f"{line}\n" for line in lines).encode()
    return Input("constraints", hashlib.sha256(content).hexdigest()[:16] + ".txt", content=content)


def requirements(lines: tuple[str, ...], arch: str) -> Input:
    """Return the requirements of a stage that fetches wheels, each with its files' addresses and digests."""
    return Input("requirements", arch, content=("\n".join(lines) + "\n").encode())
