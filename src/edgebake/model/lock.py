"""The lock file, `edgebake.lock`: everything resolved over the network, so that compiling needs none."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from edgebake.model.base import Line, Model, Platform, Reference, matching
from edgebake.model.recipe import Commit, check_git_url

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
    reason: str | None = None


class LockedGit(Model):
    """A git ref, and the commit that it is pinned to."""

    url: Annotated[str, AfterValidator(check_git_url)]
    ref: Line
    commit: Commit


class LockedPackage(Model):
    """One Python distribution: its exact requirement, the digests of its files, and what requires it.

    `via` holds names of distributions, and names of recipes as `recipe:NAME`.
    """

    requirement: _Requirement
    hashes: tuple[_Hash, ...] = ()
    via: tuple[str, ...] = ()


class LockedPython(Model):
    """The Python resolution of one image on one target and platform.

    `inputs` is the digest of all requirements: a different digest means that the resolution is stale.
    `reason`: why there is no resolution, if resolving failed.
    """

    inputs: str
    packages: dict[str, LockedPackage] = {}
    reason: str | None = None


class LockedImage(Model):
    """The resolution of one image on one target: recipe releases and Python packages, by platform."""

    releases: dict[Platform, dict[str, str]]
    python: dict[Platform, LockedPython] = {}

    @model_validator(mode="before")
    @classmethod
    def _drop_order(cls, data: Any) -> Any:
        """Drop the key `order`: locks of earlier versions may have it, and it has no effect any more."""
        return {key: value for key, value in data.items() if key != "order"} if isinstance(data, dict) else data


class Lock(Model):
    """The lock of a project."""

    version: Literal[1] = 1
    refresh: Annotated[int, Field(ge=0)] = 0
    """Counter: raising it reinstalls unversioned system packages."""
    bases: dict[Reference, LockedBase] = {}
    git: tuple[LockedGit, ...] = ()
    images: dict[str, dict[str, LockedImage]] = {}
    """Resolutions by image and target."""

    def digest(self, image: str) -> str | None:
        """Return the digest that a base image is pinned to; None if it is not pinned."""
        base = self.bases.get(image)
        return base.digest if base else None

    def commit(self, url: str, ref: str) -> str | None:
        """Return the commit that `ref` of the repository `url` is pinned to; None if it is not pinned."""
        return next((git.commit for git in self.git if (git.url, git.ref) == (url, ref)), None)
