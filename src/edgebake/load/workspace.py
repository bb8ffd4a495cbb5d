"""A workspace: the project, its catalogue and its lock. All that compiling reads comes from here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from edgebake.errors import EdgebakeError, Position
from edgebake.load.catalogue import Catalogue, builtin_root, shown_path
from edgebake.load.document import Document, load_document
from edgebake.load.validate import validate
from edgebake.model.lock import Lock
from edgebake.model.project import LOCK_FILE, PROJECT_FILE, Image, Project


@dataclass(frozen=True)
class Workspace:
    """What one command works on. `document` is None for an ad-hoc selection outside a project."""

    root: Path
    project: Project
    document: Document | None
    catalogue: Catalogue
    lock: Lock | None

    def at(self, *location: str | int) -> Position | None:
        """Return the position of a value of the project file."""
        return self.document.at(location) if self.document else None

    def with_image(self, name: str, image: Image) -> Workspace:
        """Return a workspace whose only image is an ad-hoc one; its files go below `.edgebake/`."""
        project = self.project.model_copy(update={"images": {name: image}, "output": f".edgebake/adhoc/{name}"})
        return replace(self, project=project, document=None)


def find_root(start: Path) -> Path | None:
    """Return the nearest folder from `start` upward that holds a project file, or None."""
    return next((folder for folder in (start, *start.parents) if (folder / PROJECT_FILE).is_file()), None)


def open_workspace(root: Path, *, builtin: Path | None = None, need_project: bool = True) -> Workspace:
    """Read the project in `root`, and its lock if there is one.

    Args:
        root: the project's folder.
        builtin: the built-in catalogue, if it is not edgebake's own.
        need_project: whether it is an error that there is no project file.

    Raises:
        EdgebakeError: a file is missing or wrong.
    """
    root = root.resolve()
    path = root / PROJECT_FILE
    document = None
    project = Project()
    if path.is_file():
        document = load_document(path, PROJECT_FILE)
        project = validate(Project, document)
    elif need_project:
        raise EdgebakeError(
            f"there is no {PROJECT_FILE} in {root} or above it",
            hints=(
                "make a project with: edgebake init",
                "or name recipes: edgebake plan RECIPE --target TARGET",
            ),
        )
    catalogue = Catalogue(
        root,
        tuple(_inside(root, folder, "recipes", i, document) for i, folder in enumerate(project.recipes)),
        tuple(_inside(root, folder, "targets", i, document) for i, folder in enumerate(project.targets)),
        builtin or builtin_root(),
    )
    return Workspace(root, project, document, catalogue, read_lock(root))


def _inside(root: Path, folder: str, key: str, index: int, document: Document | None) -> Path:
    path = root / folder
    if not path.resolve().is_relative_to(root):
        raise EdgebakeError(
            f"{key}: {folder!r} leads out of the project",
            at=document.at((key, index)) if document else None,
            reason=f"it is {path.resolve()}",
            hints=("keep recipes and targets inside the project's folder, so that a checkout is complete",),
        )
    if document and key in document.data and not path.is_dir():
        raise EdgebakeError(f"{key}: there is no folder {folder!r}", at=document.at((key, index)))
    return path


def read_lock(root: Path) -> Lock | None:
    """Return the project's lock, or None if it has none.

    Raises:
        EdgebakeError: the lock file is damaged.
    """
    path = root / LOCK_FILE
    if not path.is_file():
        return None
    try:
        return Lock.model_validate_json(path.read_bytes())
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise EdgebakeError(
            "the lock file is damaged",
            at=Position(shown_path(path, root)),
            reason=first,
            hints=("make it anew with: edgebake lock",),
        ) from None
