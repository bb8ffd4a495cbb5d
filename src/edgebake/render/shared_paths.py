"""Paths in an image that two recipes, or two entries of one, write: the later copy would replace the earlier."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from functools import cached_property
from itertools import combinations
from pathlib import Path, PurePosixPath

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, ErrorGroup
from edgebake.graph.compile import Compilation, build_context
from edgebake.graph.context import BuildContext
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.inputs import Input
from edgebake.graph.view import RecipeView
from edgebake.load.document import Location
from edgebake.load.ignore import WITHOUT_BYTECODE, IgnoreRules
from edgebake.load.tree import list_files
from edgebake.render.ignore_file import context_rules


@dataclass(frozen=True)
class _Written:
    """A path that a recipe writes.

    Attributes:
        path: the normalised path in the image.
        view: the recipe.
        location: where the recipe's file says so.
        folder: contents are copied into `path`; otherwise it is one file.
        source: the file or folder; None for the result of a build stage, whose content is not known yet.
    """

    path: str
    view: RecipeView
    location: Location
    folder: bool
    source: Input | None = None

    def __str__(self) -> str:
        what = self.source.name if self.source else f"{self.location[-1]} of its build stage"
        return f"{self.view.pin.name} copies {what} ({self.view.at(self.location)})"


def refuse_shared_paths(compilation: Compilation) -> None:
    """Refuse images in which one path is written twice, or is a file for one entry and a folder for another.

    Files and folders of recipes are compared, and the folders that results of build stages go into. What scripts
    and Dockerfile templates write is not known.

    Raises:
        EdgebakeError: naming both entries; all of them at once, each with all its images.
    """
    folders, context = _Folders(compilation), build_context(compilation.workspace)
    errors: dict[str, tuple[EdgebakeError, dict[str, None]]] = {}
    for plan in compilation.plans:
        for platform in plan.platforms:
            for error in _shared(folders, plan.target.name, _written(context, plan, platform)):
                _, images = errors.setdefault(str(error), (error, {}))
                images[f"image {plan.name!r} on {plan.target.name}"] = None
    found = [_with_images(error, list(images)) for error, images in errors.values()]
    if found:
        raise found[0] if len(found) == 1 else ErrorGroup(found)


def _with_images(error: EdgebakeError, images: Sequence[str]) -> EdgebakeError:
    more = f" and {len(images) - 1} more" if len(images) > 1 else ""
    return EdgebakeError(f"{images[0]}{more}: {error.message}", at=error.at, reason=error.reason, hints=error.hints)


# ── what recipes write


def _written(context: BuildContext, plan: ImagePlan, platform: str) -> Iterator[_Written]:
    for view in plan.views_on(platform):
        if view.recipe.install.dockerfile:
            continue  # its template decides what is copied
        for source, dest in view.files:
            location: Location = ("install", "files", source)
            found = context.file(view.pin.loaded, source, view.position_getter(location))
            is_folder = (view.pin.loaded.folder / source).is_dir()
            path = f"{dest}/{posixpath.basename(source)}" if dest.endswith("/") and not is_folder else dest
            yield _Written(normalised(path), view, location, is_folder, found)
        for source, dest in view.artifacts:
            yield _Written(normalised(dest), view, ("install", "artifacts", source), folder=True)


def normalised(path: str) -> str:
    """Return an absolute path in its shortest form: without `.`, `//` and a slash at its end."""
    return "/" + posixpath.normpath(path).lstrip("/")


# ── what of it overlaps


def _shared(folders: _Folders, target: str, written: Iterable[_Written]) -> Iterator[EdgebakeError]:
    by_path: dict[str, list[_Written]] = {}
    for one in written:
        by_path.setdefault(one.path, []).append(one)
    for path, same in sorted(by_path.items()):
        pairs = list(combinations(same, 2))
        pairs += [
            (outer, one)
            for parent in PurePosixPath(path).parents
            for outer in by_path.get(str(parent), ())
            for one in same
        ]
        for first, second in pairs:
            error = _overlap(folders, target, first, second)
            if error is not None:
                yield error


def _overlap(folders: _Folders, target: str, first: _Written, second: _Written) -> EdgebakeError | None:
    """Return what is wrong with two entries, of which the second's path is the first's or lies inside it."""
    if not first.folder and not second.folder and first.path == second.path:
        return _twice(first.path, first, second)
    if not first.folder or (not second.folder and first.path == second.path):
        return _file_and_folder(first.path if not first.folder else second.path, first, second)
    return _in_both(folders, target, first, second)


def _in_both(folders: _Folders, target: str, first: _Written, second: _Written) -> EdgebakeError | None:
    """Return what is wrong with what two entries write into one folder."""
    if first.source is None or (second.source is None and second.folder):
        return None  # the result of a build stage
    own = folders.paths(target, first)
    others = folders.paths(target, second) if second.folder else {second.path: False}
    for path in sorted(own.keys() & others.keys()):
        if own[path] != others[path]:
            return _file_and_folder(path, first, second)
        if not own[path]:
            return _twice(path, first, second)
    return None


def _twice(path: str, first: _Written, second: _Written) -> EdgebakeError:
    return EdgebakeError(
        f"{path} is written twice",
        at=second.view.at(second.location),
        reason=f"{first}\n{second}",
        hints=("give one of them another path, or keep it in one recipe only",),
    )


def _file_and_folder(path: str, first: _Written, second: _Written) -> EdgebakeError:
    return EdgebakeError(
        f"{path} would be a file and a folder",
        at=second.view.at(second.location),
        reason=f"{first}\n{second}",
        hints=("give one of them another path; a destination that ends with / is a folder",),
    )


@dataclass
class _Folders:
    """The contents of folders that recipes copy, each read once and only if it is needed."""

    compilation: Compilation
    _known: dict[tuple[str, Input, str], dict[str, bool]] = field(default_factory=dict)
    _rules: dict[str, IgnoreRules] = field(default_factory=dict)

    def paths(self, target: str, written: _Written) -> dict[str, bool]:
        """Return the paths in the image that an entry's folder brings, each with whether it is a folder."""
        assert written.source is not None
        key = (target, written.source, written.path)
        if key not in self._known:
            self._known[key] = dict(self._read(target, written.source, written.path))
        return self._known[key]

    def _read(self, target: str, source: Input, dest: str) -> Iterator[tuple[str, bool]]:
        assert source.source is not None
        if source.kind == "project":
            root, name = self._root, source.name
            if target not in self._rules:
                self._rules[target] = context_rules(self.compilation, target)
            rules = self._rules[target]
        else:
            root, name, rules = source.source.parent, source.source.name, WITHOUT_BYTECODE
        for entry in list_files(root, [name], rules):
            relative = posixpath.relpath(entry.path, name)
            if relative != "." and not relative.startswith("../"):
                yield normalised(f"{dest}/{relative}"), entry.kind == "dir"

    @cached_property
    def _root(self) -> Path:
        return self.compilation.workspace.root
