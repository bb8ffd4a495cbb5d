"""The workspace: the project, its catalogue and its lock. Everything that compiling reads comes from here."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from pydantic import ValidationError

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, Position
from edgebake.load.catalogue import Catalogue, builtin_root
from edgebake.load.document import Document, Place, load_document, position_of
from edgebake.load.folders import is_path, leads_out, not_yaml
from edgebake.load.validate import explain, validate
from edgebake.model.conflicts import CONFLICTS_FILE, KnownConflict, KnownConflicts
from edgebake.model.files import LOCK_FILE, PROJECT_FILE, is_there
from edgebake.model.files import find_root as find_root
from edgebake.model.lock import FORMAT, Lock
from edgebake.model.project import Project
from edgebake.registry.mirrors import canonical_names
from edgebake.system.own_files import read_regular


@dataclass(frozen=True)
class Workspace:
    """The input of a command. `document` is None for an ad-hoc image, and outside a project."""

    root: Path
    project: Project
    document: Document | None
    catalogue: Catalogue
    lock: Lock | None
    conflicts: Mapping[str, KnownConflict] = field(default_factory=dict)
    """Python requirements that cannot be met together, as the last `edgebake lock` has found."""

    def at(self, *location: str | int) -> Position | None:
        """Return the position of a value in the project file; None without a document."""
        return self.document.at(location) if self.document else None

    def place(self, *location: str | int) -> Place | None:
        """Return the place of a value in the project file; its position is looked up when it is needed."""
        return (self.document, location) if self.document else None

    def with_image(
        self, name: str, recipes: Sequence[str], targets: Sequence[str], platforms: Sequence[str] = ()
    ) -> Workspace:
        """Return a workspace with an ad-hoc image as its only one. Its files are written below `.edgebake/`.

        Args:
            name: the image's name.
            recipes: its recipes.
            targets: names or patterns of targets.
            platforms: platforms of the targets to build for; all if empty.

        Raises:
            EdgebakeError: a value is invalid; the message names its option.
        """
        try:
            image = {"recipes": recipes, "targets": targets, "platforms": platforms}
            images = Project.model_validate({"images": {name: image}}).images
        except ValidationError as error:
            details = error.errors(include_url=False)[0]
            options = {"targets": "--target", "[key]": "--name"}
            option = next((option for part, option in options.items() if part in details["loc"]), "recipe")
            problem = details["ctx"]["error"] if "ctx" in details else details["msg"]
            raise EdgebakeError(f"{option}: {problem}") from None
        changes = {"images": images, "services": {}, "output": f".edgebake/adhoc/{name}"}
        project = self.project.model_copy(update=changes)
        return replace(self, project=project, document=None)


def open_workspace(root: Path, *, builtin: Path | None = None, need_project: bool = True) -> Workspace:
    """Read the project in `root`, and its lock if it has one.

    Args:
        root: the project's folder.
        builtin: the built-in catalogue, if it is not edgebake's own.
        need_project: whether a missing project file is an error.

    Raises:
        EdgebakeError: a file is missing or invalid.
    """
    root = root.resolve()
    path = root / PROJECT_FILE
    document = None
    project = Project()
    if is_there(path):
        document = load_document(path, PROJECT_FILE)
        project = validate(Project, document)
        _refuse_double_mirrors(project, document)
    elif need_project:
        raise no_project(root)
    catalogue = Catalogue(
        root,
        tuple(_inside(root, folder, "recipes", i, document) for i, folder in enumerate(project.recipes)),
        tuple(_inside(root, folder, "targets", i, document) for i, folder in enumerate(project.targets)),
        builtin or builtin_root(),
    )
    workspace = Workspace(root, project, document, catalogue, read_lock(root), read_conflicts(root))
    # The recipes that images name by path are added all at once, so that the order of images does not matter.
    for name, image in project.images.items():
        for index, text in enumerate(image.recipes):
            if is_path(text):
                add_own_recipe(workspace, text, workspace.place("images", name, "recipes", index))
    return workspace


def open_if_sound(start: Path) -> tuple[Workspace, EdgebakeError | None]:
    """Return the workspace of the project in `start` or above it, and the error if the project is invalid.

    Without a valid project the workspace is empty. For commands about a machine, which must work anyway.
    """
    root = find_root(start) or start
    try:
        return open_workspace(root, need_project=False), None
    except EdgebakeError as error:
        return Workspace(root, Project(), None, Catalogue(root, (), (), builtin_root()), None), error


def _refuse_double_mirrors(project: Project, document: Document) -> None:
    """Refuse two mirrors of one repository under different names (`docker.io`, `index.docker.io`).

    Raises:
        EdgebakeError: naming both.
    """
    seen: dict[str, str] = {}
    for key, mirror in project.mirrors.items():
        for name in canonical_names(key):
            other = seen.setdefault(name, key)
            if project.mirrors[other] != mirror:
                raise EdgebakeError(
                    f"mirrors: {key!r} and {other!r} are the same repository, with different mirrors",
                    at=document.at(("mirrors", key), key=True),
                    hints=("keep one of them",),
                )


def add_own_recipe(workspace: Workspace, path: str, at: Place | None) -> str:
    """Add a recipe by its folder, and return its name.

    Raises:
        EdgebakeError: the folder has no recipe, or is outside the project.
    """
    folder = (workspace.root / path).resolve()
    place = at or Position(path)
    if not folder.is_relative_to(workspace.root):
        hint = "keep the application inside the project's folder, which is the build context"
        raise leads_out(f"the path {path!r}", folder, position_of(place), hint)
    return workspace.catalogue.add_recipe(workspace.root / path, place).name


def no_project(folder: Path) -> EdgebakeError:
    """Return the error for a folder that is not in a project."""
    other = Path(PROJECT_FILE).with_suffix(".yml")
    if (folder / other).is_file():
        return not_yaml(str(other))
    hints = ("create a project: edgebake init", "or name recipes: edgebake plan RECIPE --target TARGET")
    return EdgebakeError(f"{PROJECT_FILE} not found in {folder} or above it", hints=hints)


def _inside(root: Path, folder: str, key: str, index: int, document: Document | None) -> Path:
    path = root / folder
    if not path.resolve().is_relative_to(root):
        raise leads_out(f"{key}: {folder!r}", path.resolve(), document.at((key, index)) if document else None)
    if document and key in document.data and not path.is_dir():
        raise EdgebakeError(f"{key}: folder {folder!r} not found", at=document.at((key, index)))
    return path


_LARGEST_LOCK = 32 << 20  # bytes


def read_lock(root: Path) -> Lock | None:
    """Return the project's lock; None if it has none.

    Raises:
        EdgebakeError: the lock is damaged, or is no file.
    """
    path = root / LOCK_FILE
    if not os.path.lexists(path):
        return None
    if path.exists() and not path.is_file():  # reading a pipe would wait for ever
        raise EdgebakeError(
            "the lock is not a file", at=Position(LOCK_FILE), hints=("remove it, and run edgebake lock",)
        )
    try:
        raw = read_regular(path, _LARGEST_LOCK)
    except OSError as error:
        raise EdgebakeError(f"cannot read the file: {error.strerror}", at=Position(LOCK_FILE)) from None
    return parse_lock(raw)


def read_conflicts(root: Path) -> Mapping[str, KnownConflict]:
    """Return what the last `edgebake lock` has found to conflict; nothing if that cannot be read."""
    try:
        raw = (root / CONFLICTS_FILE).read_bytes()
        return KnownConflicts.model_validate_json(raw).conflicts
    except (OSError, ValidationError):
        return {}


def parse_lock(raw: bytes, shown: str = LOCK_FILE) -> Lock:
    """Return the lock in the bytes of a file. `shown` is the file's path in messages.

    Raises:
        EdgebakeError: the file is damaged.
    """
    try:
        lock = Lock.model_validate_json(raw)
    except ValidationError as error:
        raise _other_version(shown) if _has_other_version(raw) else _damaged(raw, error, shown) from None
    if "version" not in lock.model_fields_set:  # the first one did not name it
        raise _other_version(shown)
    return lock


def _damaged(raw: bytes, error: ValidationError, shown: str) -> EdgebakeError:
    at, hint = Position(shown), "delete the file, and run edgebake lock"
    if b"<<<<<<<" in raw:
        line = raw[: raw.index(b"<<<<<<<")].count(b"\n") + 1
        at, reason = Position(shown, line, 1), "it contains a merge conflict"
        hint = "keep one side of the conflict, and run edgebake lock"
    else:
        try:
            json.loads(raw)
            reason = explain(error, Lock, Document(Path(shown), shown, None), at=at).message
        except json.JSONDecodeError as syntax:
            at, reason = Position(shown, syntax.lineno, syntax.colno), f"it is not valid JSON: {syntax.msg}"
        except UnicodeDecodeError:
            reason = "it is not UTF-8"
    return EdgebakeError("the lock file is damaged", at=at, reason=reason, hints=(hint,))


def _other_version(shown: str) -> EdgebakeError:
    hint = "pin everything again: delete the file, and run edgebake lock"
    return EdgebakeError("the lock was written by another version of edgebake", at=Position(shown), hints=(hint,))


def _has_other_version(raw: bytes) -> bool:
    """Tell whether what is no lock of this version is one of another."""
    try:
        data = json.loads(raw)
    except ValueError:
        return False
    return isinstance(data, dict) and data.get("version") != FORMAT
