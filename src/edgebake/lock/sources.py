"""Digests of base images and commits of git refs, from their registries and servers."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

from edgebake.model.lock import LockedBase
from edgebake.registry.client import RegistryClient
from edgebake.registry.errors import (
    NotAnImageError,
    NotFoundError,
    RateLimitedError,
    RefusedError,
    RegistryError,
)
from edgebake.registry.images import read_image
from edgebake.registry.reference import parse_reference
from edgebake.render.mirrors import mirrored

TIMEOUT = 120  # seconds
PLATFORMS = ("linux/amd64", "linux/arm64")
_REASONS = {
    NotFoundError: "has no such image",
    NotAnImageError: "has something else than an image under this name",
    RefusedError: "refuses access",
    RateLimitedError: "allows no more requests for now (rate limit)",
}


def lock_base(client: RegistryClient, image: str, mirrors: Mapping[str, str]) -> LockedBase:
    """Return the digests of a base image, from its mirror if it has one; or the reason why there are none."""
    try:
        found = read_image(client, parse_reference(mirrored(image, mirrors)))
    except RegistryError as error:
        # Without what differs from machine to machine: the lock is committed.
        return LockedBase(reason=f"its registry {_REASONS.get(type(error), 'could not be reached')}")
    platforms = {one.platform: one.digest for one in found.images if one.platform in PLATFORMS}
    return LockedBase(digest=found.digest, platforms=dict(sorted(platforms.items())))


def lock_commit(url: str, ref: str) -> str | None:
    """Return the commit that a tag or branch names now, or None if its server does not say."""
    # An annotated tag has a commit behind it, which is what ^{} asks for.
    names = (f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}", f"refs/heads/{ref}")
    command = ["git", "ls-remote", url, *names]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    found: dict[str, str] = {}
    for line in done.stdout.splitlines():
        commit, _, name = line.partition("\t")
        found[name] = commit
    return next((found[name] for name in names if name in found), None)
