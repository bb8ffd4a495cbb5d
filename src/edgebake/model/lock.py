"""The lock file, `edgebake.lock`: everything resolved over the network, so that compiling needs none."""

from __future__ import annotations

from functools import cached_property
from pathlib import PurePosixPath
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version
from pydantic import AfterValidator, Field, model_validator

from edgebake.model.base import (
    ImageName,
    Line,
    Model,
    Name,
    PlainPath,
    Platform,
    Reference,
    VersionText,
    check_web_address,
    matching,
)
from edgebake.model.recipe import Commit, check_git_url

FORMAT: Literal[2] = 2
"""The version of the lock file's format."""


def _check_version(text: str) -> str:
    try:
        return str(Version(text))
    except InvalidVersion:
        raise ValueError(f"{text!r} is not a version of a Python package") from None


def _refuse_other_wheel(filename: str, name: str, version: str) -> None:
    """Refuse a file that is no wheel of a package.

    Raises:
        ValueError: naming both.
    """
    try:
        wheel_name, wheel_version, _, _ = parse_wheel_filename(filename)
    except InvalidWheelFilename:
        raise ValueError(f"{filename!r} of {name!r} is not the name of a wheel") from None
    if (wheel_name, wheel_version) != (name, Version(version)):
        raise ValueError(f"{filename!r} is not a wheel of {name} {version}")


PackageName = Annotated[
    str, matching(r"[a-z0-9]+(?:-[a-z0-9]+)*", "is not the normalised name of a Python package")
]
Digest = Annotated[str, matching(r"sha256:[0-9a-f]{64}", "is not a digest")]


# They are lines of files for pip, where a word that begins with "-" is an option.
_Requirement = Annotated[
    Line,
    matching(r"(?!.*\s-)[A-Za-z0-9].*[^\\]", "is not a pinned requirement", limit=2000),
]
_Hash = Annotated[str, matching(r"[a-z0-9_]+:[0-9a-f]+", "is not a hash", limit=200)]


class LockedBase(Model):
    """A base image: the digest of its index (or only manifest), and of each platform's manifest.

    `reason`: why there is no digest, if the registry did not return one.
    """

    digest: Digest | None = None
    platforms: dict[Platform, Digest] = {}
    reason: Line | None = None


class LockedGit(Model):
    """A git ref, and the commit that it is pinned to."""

    url: Annotated[str, AfterValidator(check_git_url)]
    ref: Line
    commit: Commit


Hash = Annotated[str, matching(r"[0-9a-f]{64,128}", "is not a digest")]


class LockedFile(Model):
    """A file of a Python package, as PEP 751 describes it: its address or its place, its size and its digests.

    `path`: a wheel of the project's `wheelhouse`, relative to the lock file.
    `size`: in bytes; None if the server does not report it.
    """

    url: Annotated[str, AfterValidator(check_web_address)] | None = None
    path: PlainPath | None = None
    size: Annotated[int, Field(ge=0)] | None = None
    hashes: Annotated[dict[Literal["sha256", "sha384", "sha512"], Hash], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_place(self) -> LockedFile:
        if (self.url is None) == (self.path is None):
            raise ValueError("a file has either a url or a path")
        return self

    @property
    def filename(self) -> str:
        """The file's name, which says what is in it."""
        return unquote(PurePosixPath(urlsplit(self.url).path if self.url else self.path or "").name)


class LockedDependency(Model):
    """Another package of the same resolution."""

    name: PackageName


class LockedPackage(Model):
    """One Python distribution, as PEP 751 describes it (`packages` of a pylock.toml).

    `index`: the index that it comes from; None for one that is named by its address.
    `wheels`: its files from an index; `archive`: the file that a requirement names by its address.
    """

    name: PackageName
    version: Annotated[str, AfterValidator(_check_version)]
    index: Annotated[str, AfterValidator(check_web_address)] | None = None
    dependencies: tuple[LockedDependency, ...] = ()
    wheels: tuple[LockedFile, ...] = ()
    archive: LockedFile | None = None

    @model_validator(mode="after")
    def _has_its_own_files(self) -> LockedPackage:
        if bool(self.wheels) == (self.archive is not None):
            raise ValueError(f"{self.name!r} needs either wheels or an archive")
        for file in self.files:
            _refuse_other_wheel(file.filename, self.name, self.version)
        return self

    @property
    def files(self) -> tuple[LockedFile, ...]:
        """Its files, whichever way it is named."""
        return (self.archive,) if self.archive is not None else self.wheels


class LockedPython(Model):
    """The Python resolution of one image on one target and platform.

    `inputs` is the digest of all requirements: a different digest means that the resolution is stale.
    `reason`: why there is no resolution, if resolving failed.
    """

    inputs: Line
    packages: tuple[LockedPackage, ...] = ()
    reason: Line | None = None

    @model_validator(mode="after")
    def _names_each_package_once(self) -> LockedPython:
        names = [package.name for package in self.packages]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"the package {name!r} is listed twice")
        return self

    @cached_property
    def by_name(self) -> dict[str, LockedPackage]:
        """The packages by name."""
        return {package.name: package for package in self.packages}

    @cached_property
    def needs(self) -> dict[str, tuple[str, ...]]:
        """The names of the packages, each with those that it needs."""
        return {package.name: tuple(one.name for one in package.dependencies) for package in self.packages}


class LockedImage(Model):
    """The resolution of one image on one target: recipe releases and Python packages, by platform."""

    releases: dict[Platform, dict[Name, VersionText]]
    python: dict[Platform, LockedPython] = {}


class Lock(Model):
    """The lock of a project."""

    version: Literal[2] = FORMAT
    refresh: Annotated[int, Field(ge=0)] = 0
    """Counter: raising it reinstalls unversioned system packages."""
    bases: dict[Reference, LockedBase] = {}
    git: tuple[LockedGit, ...] = ()
    images: dict[ImageName, dict[Name, LockedImage]] = {}
    """Resolutions by image and target."""

    @property
    def is_complete(self) -> bool:
        """Whether everything in it is pinned; `edgebake lock --allow-unpinned` also writes other locks."""
        images = (image for targets in self.images.values() for image in targets.values())
        reasons = [python.reason for image in images for python in image.python.values()]
        return all(base.digest for base in self.bases.values()) and not any(reasons)

    def digest(self, image: str) -> str | None:
        """Return the digest that a base image is pinned to; None if it is not pinned."""
        base = self.bases.get(image)
        return base.digest if base else None

    def commit(self, url: str, ref: str) -> str | None:
        """Return the commit that `ref` of the repository `url` is pinned to; None if it is not pinned."""
        return next((git.commit for git in self.git if (git.url, git.ref) == (url, ref)), None)
