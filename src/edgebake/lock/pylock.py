"""What uv resolves, read into the lock: a pylock.toml (PEP 751), and a requirements.txt for what that lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.lock.asked import is_project
from edgebake.model.lock import LockedDependency, LockedFile, LockedPackage

_HASHES = ("sha256", "sha384", "sha512")


@dataclass
class Pinned:
    """A package as a requirements.txt of uv's has it.

    Attributes:
        requirement: `name==version`, or `name @ url`.
        index: the index that it comes from, if it comes from one.
        needed_by: the packages that need it.
    """

    requirement: str
    index: str | None = None
    needed_by: set[str] = field(default_factory=set)


def parse_requirements(text: str) -> dict[str, Pinned]:
    """Parse the output of `uv pip compile --annotation-style split --emit-index-annotation`.

    Returns:
        The packages by normalised name.
    """
    packages: dict[str, Pinned] = {}
    for block in re.split(r"\n(?=\S)", text.strip()):
        lines = [line.strip().rstrip("\\").strip() for line in block.splitlines()]
        if not lines or not lines[0] or lines[0].startswith(("#", "-")):
            continue
        requirement = Requirement(lines[0])
        requirement.marker = None  # the resolution is for one environment
        index = next((line.removeprefix("# from ") for line in lines if line.startswith("# from ")), None)
        packages[canonicalize_name(requirement.name)] = Pinned(str(requirement), index, set(_needing(lines)))
    return packages


def _needing(lines: Iterable[str]) -> Iterator[str]:
    """Yield what needs a package, from its `# via` comment: a name on that line, or on each line below."""
    for line in lines:
        if line.startswith("#") and not line.startswith("# from "):
            name = line.lstrip("# ").removeprefix("via").strip().partition(" ")[0].partition("[")[0]
            if name and not is_project(name):
                yield canonicalize_name(name)


def locked_packages(
    pylock: Mapping[str, Any], pinned: Mapping[str, Pinned], wheelhouse: tuple[Path, str] | None = None
) -> tuple[LockedPackage, ...]:
    """Return the packages of a resolution, by name.

    Args:
        pylock: the parsed pylock.toml.
        pinned: the same packages, as a requirements.txt has them.
        wheelhouse: the folder of the project's wheels, and its path relative to the project.

    Raises:
        EdgebakeError: a package comes from a folder of this machine that the build does not have.
    """
    needs: dict[str, set[str]] = {}
    for name, one in pinned.items():
        for needing in one.needed_by:
            needs.setdefault(needing, set()).add(name)
    packages = []
    for package in pylock.get("packages", ()):
        name = canonicalize_name(package["name"])
        dependencies = tuple(LockedDependency(name=one) for one in sorted(needs.get(name, ())))
        packages.append(_package(package, name, pinned[name].index, dependencies, wheelhouse))
    return tuple(sorted(packages, key=lambda package: package.name))


def _package(
    package: Mapping[str, Any],
    name: str,
    index: str | None,
    dependencies: Sequence[LockedDependency],
    wheelhouse: tuple[Path, str] | None,
) -> LockedPackage:
    archive = package.get("archive")
    files = [_file(one, wheelhouse) for one in ([archive] if archive else package.get("wheels", ()))]
    there = _own_first([one for one in files if one is not None])
    if not there:
        raise EdgebakeError(
            f"{name} {package['version']} comes from a folder of this machine, which other builds do not have",
            hints=("copy its wheel into the project's `wheelhouse`",),
        )
    return LockedPackage(
        name=name,
        version=package["version"],
        index=plain_address(index).rstrip("/")
        if index and index.startswith("http") and not there[0].path
        else None,
        dependencies=tuple(dependencies),
        wheels=() if archive else there,
        archive=there[0] if archive else None,
    )


def _file(file: Mapping[str, Any], wheelhouse: tuple[Path, str] | None) -> LockedFile | None:
    """Return a file; None if it is in a folder of this machine that is not the project's."""
    hashes = {kind: value for kind, value in file["hashes"].items() if kind in _HASHES}
    size, url = file.get("size"), file.get("url")
    if url is not None and not url.startswith("file:"):
        return LockedFile(url=plain_address(url), size=size, hashes=hashes)
    path = Path(unquote(urlsplit(url).path) if url else file["path"])
    if wheelhouse is None or path.resolve().parent != wheelhouse[0].resolve():
        return None
    return LockedFile(path=f"{wheelhouse[1]}/{path.name}", size=path.stat().st_size, hashes=hashes)


def _own_first(files: Sequence[LockedFile]) -> tuple[LockedFile, ...]:
    """Return files by name, those that the project has itself in place of the same ones of an index."""
    own = {file.filename for file in files if file.path}
    kept = (file for file in files if file.path or file.filename not in own)
    return tuple(sorted(kept, key=lambda file: file.filename))


def plain_address(url: str) -> str:
    """Return an address without credentials and without a fragment: neither belongs into a committed file."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
