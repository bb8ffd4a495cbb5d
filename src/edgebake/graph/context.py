"""What stages read from the build context, and how recipes' files get there."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from edgebake.errors import EdgebakeError, Position
from edgebake.graph.node import Input
from edgebake.load.catalogue import LoadedRecipe

# Mount options are comma-separated words on a RUN line; a path in them is not quoted but kept plain.
_PLAIN = re.compile(r"[A-Za-z0-9._/+@-]+")


@dataclass(frozen=True)
class BuildContext:
    """Where things lie in the build context, which is the project's folder.

    Files of catalogue recipes are vendored below `<output>/context/`, so that the generated files stand alone;
    the project's own are read where they are.

    Args:
        root: the project's folder.
        output: the folder of generated files, relative to it.
    """

    root: Path
    output: str
    _known: dict[tuple[Path, str], Input] = field(default_factory=dict, compare=False)
    _constraints: dict[tuple[str, ...], Input] = field(default_factory=dict, compare=False)
    _helpers: dict[Path, Input] = field(default_factory=dict, compare=False)

    @cached_property
    def _real_root(self) -> Path:
        return self.root.resolve()

    def reads(self) -> Reads:
        """Return an empty collection of what one stage reads."""
        return Reads(self)

    def find(self, loaded: LoadedRecipe, path: str, at: Callable[[], Position]) -> Input:
        """Return a recipe's file or folder, by its path in the recipe's folder.

        Raises:
            EdgebakeError: it is missing, or leads out of the project.
        """
        key = (loaded.folder, path)
        if key not in self._known:
            self._known[key] = self._find(loaded, path, at)
        return self._known[key]

    def generated(self, path: str, content: str) -> Input:
        """Return a generated file; `path` is relative to the output folder."""
        return Input(f"{self.output}/{path}", content=content.encode())

    def helper(self, source: Path) -> Input:
        """Return a script of edgebake's own."""
        if source not in self._helpers:
            where = f"{self.output}/context/edgebake/{source.name}"
            self._helpers[source] = Input(where, source, vendored=True)
        return self._helpers[source]

    def constraints(self, lines: tuple[str, ...]) -> Input:
        """Return the file that holds the requirements of images that are not locked.

        It is named after its content: images that ask for the same have one file, and so the same stages.
        """
        if lines not in self._constraints:
            text = "".join(f"{line}\n" for line in lines)
            name = hashlib.sha256(text.encode()).hexdigest()[:16]
            self._constraints[lines] = self.generated(f"context/constraints/{name}.txt", text)
        return self._constraints[lines]

    def _find(self, loaded: LoadedRecipe, path: str, at: Callable[[], Position]) -> Input:
        source = loaded.folder / path
        if not source.exists():
            raise EdgebakeError(
                f"the recipe {loaded.name!r} has no file {path!r}", at=at(), reason=f"it would be {source}"
            )
        self._refuse_outside(loaded, source, at)
        if loaded.vendored:
            where = f"{self.output}/context/{loaded.name}/{path}".removesuffix("/.")
        else:
            where = source.relative_to(self.root).as_posix()
        return Input(where, source, vendored=loaded.vendored)

    def _refuse_outside(self, loaded: LoadedRecipe, source: Path, at: Callable[[], Position]) -> None:
        home = loaded.folder.resolve() if loaded.vendored else self._real_root
        if not source.resolve().is_relative_to(home):
            raise EdgebakeError(
                f"{source.name!r} of the recipe {loaded.name!r} leads out of the project",
                at=at(),
                reason=f"it is {source.resolve()}",
                hints=("copy what the build needs into the project's folder",),
            )


@dataclass
class Reads:
    """Finds the context paths of what one stage reads, and remembers them."""

    context: BuildContext
    _inputs: list[Input] = field(default_factory=list)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What was found, each once."""
        return tuple(dict.fromkeys(self._inputs))

    def file(self, loaded: LoadedRecipe, path: str, at: Callable[[], Position], *, plain: bool = False) -> str:
        """Return the context path of a recipe's file or folder.

        Args:
            loaded: the recipe.
            path: relative to the recipe's folder.
            at: tells where the path is written.
            plain: it goes into a mount, which takes only plain characters.

        Raises:
            EdgebakeError: it is missing, leads out of the project, or has characters that a mount cannot take.
        """
        found = self.context.find(loaded, path, at)
        if plain and not _PLAIN.fullmatch(found.path):
            raise EdgebakeError(
                f"the path {found.path!r} is mounted while building",
                at=at(),
                reason="a mount takes only letters, digits and . _ + @ - /",
                hints=("rename the file or its folder",),
            )
        self._inputs.append(found)
        return found.path

    def helper(self, source: Path) -> str:
        """Return the context path of a script of edgebake's own."""
        return self.take(self.context.helper(source))

    def take(self, one: Input) -> str:
        """Return the context path of an input that is known."""
        self._inputs.append(one)
        return one.path
