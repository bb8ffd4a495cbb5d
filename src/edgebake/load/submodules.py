"""The submodules of the project's repository, as .gitmodules lists them; git itself is not needed."""

from __future__ import annotations

import re
from pathlib import Path

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, Position

_FILE = ".gitmodules"
_PATH = re.compile(r"^\s*path\s*=\s*\"?(.+?)\"?\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Submodule:
    """A submodule: its path in the repository, and its folder."""

    path: str
    folder: Path

    @property
    def missing(self) -> bool:
        """Whether it is not checked out: git leaves its folder empty."""
        return not self.folder.is_dir() or not any(self.folder.iterdir())


def submodule_files(root: Path) -> list[Path]:
    """Return the files that can list submodules of the repository that a project is in, the nearest first."""
    return [folder / _FILE for folder in (root, *root.parents)]


def submodules_of(root: Path) -> list[Submodule]:
    """Return the submodules of the repository that a project is in; none if it has none."""
    file = next((path for path in submodule_files(root) if path.is_file()), None)
    if file is None:
        return []
    paths = _PATH.findall(file.read_text(encoding="utf-8", errors="replace"))
    return [Submodule(path, file.parent.resolve() / path) for path in paths]


def submodule_at(root: Path, path: Path) -> Submodule | None:
    """Return the submodule that is not checked out, and that a path is in or is; None if there is none."""
    found = (one for one in submodules_of(root) if one.missing and path.resolve().is_relative_to(one.folder))
    return next(found, None)


def submodule_error(module: Submodule, at: Position) -> EdgebakeError:
    """Return the error for a submodule that is not checked out."""
    return EdgebakeError(
        f"the git submodule {module.path!r} is not checked out",
        at=at,
        hints=(
            f"git submodule update --init --recursive {module.path}",
            "in GitHub Actions: ci: {submodules: recursive}, then edgebake ci github",
        ),
    )
