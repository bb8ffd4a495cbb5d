"""The Python resolution of an image on a target and platform, made by uv."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from pydantic import ValidationError

from edgebake.dataclasses import dataclass
from edgebake.graph.python_conflict import Asked
from edgebake.graph.python_env import resolution_inputs
from edgebake.graph.view import RecipeView
from edgebake.lock.asked import asked_of, recipes_named_in, with_recipe_names, write_projects
from edgebake.lock.pylock import locked_packages, parse_requirements, plain_address
from edgebake.lock.sizes import with_sizes
from edgebake.lock.uv import NoSolutionError, UnpinnableError, UnreachableError, Uv
from edgebake.model.lock import LockedPackage, LockedPython
from edgebake.model.target import Target

_PINNED = ("--annotation-style", "split", "--emit-index-annotation", "--generate-hashes")
_PYLOCK = ("--format", "pylock.toml", "--output-file", "pylock.toml", "--constraints", "pinned.txt")
_NOT_FOUND = "was not found in the package registry"


class PythonConflictError(Exception):
    """Requirements of an image's recipes that cannot be met together.

    Args:
        asked: the fewest of them that cannot be.
        explanation: why, in uv's words.
    """

    def __init__(self, asked: Sequence[Asked], explanation: str) -> None:
        super().__init__(explanation)
        self.asked = tuple(asked)
        self.explanation = explanation


@dataclass(frozen=True)
class Resolver:
    """Resolves Python requirements.

    Attributes:
        uv: how uv is run.
        root: the project's folder.
        target: the target.
        platform: the OCI platform.
    """

    uv: Uv
    root: Path
    target: Target
    platform: str

    def lock(self, views: Sequence[RecipeView], preferred: Iterable[LockedPackage]) -> LockedPython:
        """Resolve the Python requirements of an image's recipes together.

        Args:
            views: the image's recipes in order.
            preferred: packages of an earlier resolution. They are kept if they fit.

        Raises:
            PythonConflictError: they cannot be met together.
            UnpinnableError: an index cannot be reached, or something has no wheel.
            EdgebakeError: a mistake in a recipe.
        """
        try:
            asked = asked_of(views, self._first_with)
            _refuse_built(asked)
            return LockedPython(inputs=resolution_inputs(views), packages=self._packages(asked, preferred))
        except UnreachableError as error:
            raise error.naming(_servers(views)) from None

    def _packages(self, asked: Sequence[Asked], preferred: Iterable[LockedPackage]) -> tuple[LockedPackage, ...]:
        try:
            return self._resolved(asked, preferred)
        except NoSolutionError as error:
            self._refuse_closed_indexes(asked, str(error))
            raise self._conflict(asked, str(error)) from None

    def _refuse_closed_indexes(self, asked: Iterable[Asked], explanation: str) -> None:
        """Refuse to call a package missing whose index only refuses access: uv does not say so of a recipe's index.

        Raises:
            UnreachableError: it does.
        """
        for one in asked:
            if one.index and f"{one.package} {_NOT_FOUND}" in explanation:
                self._has(one.index, one.package)

    def _resolved(self, asked: Sequence[Asked], preferred: Iterable[LockedPackage]) -> tuple[LockedPackage, ...]:
        with tempfile.TemporaryDirectory(prefix="edgebake-lock-") as name:
            folder = Path(name)
            projects = write_projects(folder, asked)
            old = "".join(f"{package.name}=={package.version}\n" for package in preferred)
            (folder / "locked.txt").write_text(old, encoding="utf-8")
            self._compile(folder, [*_PINNED, "--output-file", "locked.txt", *projects])
            pinned = parse_requirements((folder / "locked.txt").read_text(encoding="utf-8"))
            exact = "".join(f"{one.requirement}\n" for one in pinned.values() if " @ " not in one.requirement)
            (folder / "pinned.txt").write_text(exact, encoding="utf-8")
            self._compile(folder, [*_PYLOCK, "--generate-hashes", *projects])
            try:
                packages = locked_packages(_read_toml(folder / "pylock.toml"), pinned, self._wheelhouse)
            except ValidationError as error:
                problem = error.errors(include_url=False, include_input=False)[0]["msg"]
                raise UnpinnableError("an index reports something that cannot be locked", problem) from None
            return with_sizes(packages, self.uv.ca_bundle, self.uv.netrc)

    def _compile(self, folder: Path, arguments: Sequence[str]) -> str:
        return self.uv.compile(folder, self.target, self.platform, arguments)

    @property
    def _wheelhouse(self) -> tuple[Path, str] | None:
        folder = self.uv.wheelhouse
        return (folder, folder.relative_to(self.root).as_posix()) if folder else None

    # ── which index has a package

    def _first_with(self, indexes: Sequence[str], package: str) -> str:
        """Return the first of several indexes that has a package; the last one if none has it."""
        return next((index for index in indexes[:-1] if self._has(index, package)), indexes[-1])

    def _has(self, index: str, package: str) -> bool:
        with tempfile.TemporaryDirectory(prefix="edgebake-lock-") as name:
            (Path(name) / "asked.in").write_text(f"{package}\n", encoding="utf-8")
            try:
                self._compile(Path(name), ["--no-deps", "--default-index", index, "asked.in"])
            except NoSolutionError as error:
                return _NOT_FOUND not in str(error)
        return True

    # ── conflicts

    def _conflict(self, asked: Sequence[Asked], explanation: str) -> PythonConflictError:
        """Return the conflict between the fewest requirements, each of which it needs."""
        named = recipes_named_in(explanation, asked)
        core = [one for one in asked if one.recipe in named]
        known = self._explanation(core) if len(core) < len(asked) else explanation
        if known is None:
            core, known = list(asked), explanation
        for one in tuple(core):
            rest = [other for other in core if other != one]
            found = self._explanation(rest) if rest else None
            if found is not None:
                core, known = rest, found
        return PythonConflictError(core, with_recipe_names(known, core))

    def _explanation(self, asked: Sequence[Asked]) -> str | None:
        """Return why requirements cannot be met together; None if they can, or if that cannot be found out now."""
        try:
            with tempfile.TemporaryDirectory(prefix="edgebake-lock-") as folder:
                self._compile(Path(folder), write_projects(Path(folder), asked))
        except NoSolutionError as error:
            return str(error)
        except UnpinnableError:
            return None
        return None


def _servers(views: Iterable[RecipeView]) -> dict[str, str]:
    """Return what recipes name that can be unreachable, by address."""
    servers: dict[str, str] = {}
    for view in views:
        servers |= {index: f"the index {index}" for index in view.pip_index}
        urls = (Requirement(text).url for text in view.pip)
        servers |= {url.partition("#")[0]: plain_address(url) for url in urls if url}
    return servers


def _refuse_built(asked: Iterable[Asked]) -> None:
    """Refuse requirements that name something else than a wheel by its address.

    Raises:
        UnpinnableError: naming the requirement.
    """
    for one in asked:
        url = (one.url or "").partition("#")[0]
        if url and not url.endswith(".whl"):
            raise UnpinnableError(f"{one.package} is built from its source, there is no wheel at its address")


def _read_toml(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(path.read_text(encoding="utf-8"))
