"""The locked Python packages of an image, checked by what is in their wheels: before anything is built."""

from __future__ import annotations

import os
import runpy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from functools import lru_cache
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, Position
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.python_requests import PythonRequests, package_of
from edgebake.load.folders import builtin_root
from edgebake.lock.logins import Logins
from edgebake.lock.shared_modules import SharedModule, shared_modules
from edgebake.lock.uv import MACHINES
from edgebake.lock.wheel_files import WheelContents, WheelError, WheelReader
from edgebake.model.lock import LockedFile, LockedPackage, LockedPython
from edgebake.model.target import Target
from edgebake.registry.connections import Connections
from edgebake.system.store import user_store

_AT_ONCE = 8
_KEPT = 4000  # wheels
_KEEP_ONE = (
    "keep one of them in the image",
    "a package that works with the other can be unpacked by a build stage (as in the recipe faster-whisper)",
)
_AGAIN = ("resolve them again: edgebake lock --upgrade '*'",)
_OLD_MANYLINUX = ("manylinux2014", "manylinux2010", "manylinux1", "linux")


@dataclass(frozen=True)
class Environment:
    """The locked packages of an image on a platform."""

    plan: ImagePlan
    platform: str
    locked: LockedPython

    def __str__(self) -> str:
        return f"{self.plan.name} on {self.plan.target.name} ({self.platform})"

    @property
    def requests(self) -> PythonRequests:
        """Who asks for the packages."""
        return PythonRequests(self.plan.views_on(self.platform), self.locked.needs)

    @property
    def wheels(self) -> dict[str, LockedFile]:
        """The wheel of each package that is installed on the platform."""
        return {one.name: wheel_for(one, self.plan.target, self.platform) for one in self.locked.packages}


@dataclass(frozen=True)
class _Problem:
    """What is wrong with an environment; the same in all that have it."""

    message: str
    lines: tuple[str, ...]
    hints: tuple[str, ...]
    at: Position | None = None

    def error(self, places: Iterable[Environment]) -> EdgebakeError:
        """Return it as an error of the environments that have it."""
        where = ", ".join(dict.fromkeys(map(str, places)))
        return EdgebakeError(
            self.message, at=self.at, reason="\n".join([*self.lines, f"in {where}"]), hints=self.hints
        )


@dataclass
class Checked:
    """What checking environments has found.

    Attributes:
        errors: what is wrong, each once for all environments that have it.
        unread: an environment and why a wheel of it could not be read, a line each.
    """

    errors: list[EdgebakeError] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


class EnvironmentCheck:
    """Checks environments: packages that install the same module, and packages that do not fit together.

    Args:
        reader: reads wheels.
        root: the project's folder, which wheels of its own are in.
    """

    def __init__(self, reader: WheelReader, root: Path) -> None:
        self._reader = reader
        self._root = root

    def check(self, environments: Sequence[Environment]) -> Checked:
        """Return what is wrong with environments."""
        wheels = {_digest(one): one for each in environments for one in each.wheels.values()}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            contents = dict(zip(wheels, pool.map(self._read, wheels.values()), strict=True))
        checked = Checked()
        found: dict[_Problem, list[Environment]] = {}
        for environment in environments:
            known, unread = _known(environment, contents)
            checked.unread += unread
            try:
                problems = [*self._shared(environment, known), *_unfit(environment, known)]
            except WheelError as error:
                checked.unread.append(f"{environment}: the wheels cannot be compared: {error}")
                continue
            for problem in problems:
                found.setdefault(problem, []).append(environment)
        checked.errors = [problem.error(places) for problem, places in found.items()]
        return checked

    def _read(self, wheel: LockedFile) -> WheelContents | WheelError:
        try:
            return self._reader.read(*self._place(wheel))
        except WheelError as error:
            return error

    def _place(self, wheel: LockedFile) -> tuple[str | Path, str, int | None]:
        place = wheel.url if wheel.url else self._root / (wheel.path or "")
        return place, _digest(wheel), wheel.size

    def _shared(self, environment: Environment, known: Mapping[str, WheelContents]) -> Iterator[_Problem]:
        """Yield problems with packages that install the same module."""
        wheels, requests = environment.wheels, environment.requests

        def text_of(package: str, path: str) -> str:
            return self._reader.text(*self._place(wheels[package]), path)

        by_packages: dict[tuple[str, ...], list[SharedModule]] = {}
        for shared in shared_modules(known, text_of):
            by_packages.setdefault(shared.packages, []).append(shared)
        for packages, modules in by_packages.items():
            both = "both" if len(packages) == 2 else "all"
            message = f"{_listed(packages)} {both} install {_listed(one.name for one in modules)}"
            lines = (*(requests.described(one) for one in packages), f"such as {modules[0].path}")
            asker = requests.asker(packages[0])
            yield _Problem(message, lines, _KEEP_ONE, asker.at if asker else None)


def _digest(wheel: LockedFile) -> str:
    """Return one of a wheel's digests: SHA-256 if it has that."""
    return ":".join(min(wheel.hashes.items()))


def _known(
    environment: Environment, contents: Mapping[str, WheelContents | WheelError]
) -> tuple[dict[str, WheelContents], list[str]]:
    """Return the contents of an environment's wheels, and a line for each that could not be read."""
    known, unread = {}, []
    for name, wheel in environment.wheels.items():
        found = contents[_digest(wheel)]
        if isinstance(found, WheelError):
            unread.append(f"{environment}: {wheel.filename} cannot be checked: {found}")
        else:
            known[name] = found
    return known, unread


def _unfit(environment: Environment, known: Mapping[str, WheelContents]) -> Iterator[_Problem]:
    """Yield the problem with packages that do not fit together, from their metadata."""
    if len(known) < len(environment.locked.packages):
        return
    extras: dict[str, set[str]] = {}
    for view in environment.requests.views:
        for text in view.pip:
            extras.setdefault(package_of(text), set()).update(Requirement(text).extras)
    texts = [one.metadata for one in known.values()]
    python, machine = environment.plan.target.python, MACHINES[environment.platform]
    found = metadata_problems(texts, python=python, machine=machine, extras=extras)
    if found:
        yield _Problem("the locked Python packages do not fit together", tuple(found), _AGAIN)


def metadata_problems(
    metadata: Sequence[str], *, python: str | None, machine: str, extras: Mapping[str, set[str]]
) -> list[str]:
    """Return what does not fit in packages' metadata, a sentence each: as the check in an image finds it.

    Args:
        metadata: the texts of METADATA.
        python: the image's Python, major.minor.
        machine: its machine, as `platform.machine()` has it.
        extras: those that recipes ask for, by package.
    """
    found: list[str] = _script()["problems"](metadata, {}, python, machine, extras)
    return found


@lru_cache(maxsize=1)
def _script() -> Mapping[str, Any]:
    return runpy.run_path(os.fspath(builtin_root() / "templates/context/check-packages.py"))


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


# ── which wheel is installed


def wheel_for(package: LockedPackage, target: Target, platform: str) -> LockedFile:
    """Return the file of a package that pip installs on a platform: the one whose tag is the first that fits."""
    ranks = _ranks(target.python or "3", target.glibc, MACHINES[platform])

    def rank(file: LockedFile) -> int:
        tags = parse_wheel_filename(file.filename)[3]
        return min(ranks.get(tag, len(ranks)) for tag in tags)

    return min(package.files, key=rank)


@lru_cache(maxsize=64)
def _ranks(python: str, glibc: str, machine: str) -> Mapping[Tag, int]:
    major, minor = (int(part) for part in python.split(".")[:2])
    newest = int(glibc.split(".")[1])
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(newest, 4, -1)]
    platforms += [f"{kind}_{machine}" for kind in _OLD_MANYLINUX]
    tags = [
        *cpython_tags((major, minor), platforms=platforms),
        *compatible_tags((major, minor), platforms=platforms),
    ]
    return {tag: rank for rank, tag in reversed(list(enumerate(tags)))}


def environment_check(root: Path, ca_bundle: Path | None, netrc: Path | None) -> EnvironmentCheck:
    """Return a check that reaches servers as the environment says.

    Args:
        root: the project's folder.
        ca_bundle: further certificates to trust.
        netrc: the project's logins for indexes; None for the user's own.
    """
    connections = Connections(os.environ, ca_bundle, each=_AT_ONCE)
    return EnvironmentCheck(WheelReader(connections, user_store("wheels", _KEPT), Logins(netrc)), root)
