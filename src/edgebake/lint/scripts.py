"""The scripts and Dockerfile templates of a recipe, as texts with positions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

from edgebake.dataclasses import dataclass
from edgebake.errors import Position
from edgebake.lint.finding import Finding, Rule
from edgebake.lint.shell import Command, commands
from edgebake.load.catalogue import LoadedRecipe, shown_path
from edgebake.system.own_files import read_regular

Half = Literal["build", "install", "test", "bench"]


@dataclass(frozen=True)
class Script:
    """A file of a recipe that runs while building, or as its test.

    `is_template`: it is a Dockerfile template of the recipe's own, and not a script.
    """

    recipe: str
    half: Half
    shown: str
    text: str
    is_template: bool = False

    @property
    def commands(self) -> tuple[Command, ...]:
        """Its commands, if it is a shell script or a Dockerfile template."""
        return () if self.shown.endswith(".py") else commands(self.text)

    def found(self, rule: Rule, message: str, line: int, column: int = 1) -> Finding:
        """Return a finding in the file."""
        return rule.found(message, Position(self.shown, line, column), recipe=self.recipe)


def scripts_of(loaded: LoadedRecipe, root: Path) -> Iterator[Script]:
    """Yield a recipe's scripts and templates; a missing file is skipped, as compiling reports it.

    Paths are shown relative to `root`.
    """
    for half in get_args(Half):
        for key in ("script", "dockerfile"):
            name = getattr(getattr(loaded.recipe, half), key, None)
            path = loaded.folder / name if name else None
            if path is not None and path.is_file():
                text = read_regular(path).decode("utf-8", "replace")
                yield Script(loaded.name, half, shown_path(path, root), text, key == "dockerfile")
