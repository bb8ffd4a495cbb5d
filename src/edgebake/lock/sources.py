"""Digests of base images and commits of git refs, asked of their registries and servers."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

from edgebake.model.lock import LockedBase
from edgebake.registry.imagetools import NoAnswerError, look_up
from edgebake.render.mirrors import mirrored

TIMEOUT = 120  # seconds
PLATFORMS = ("linux/amd64", "linux/arm64")
_REFUSALS = {
    "not found": "has no such image",
    "unauthorized": "wants a login",
    "denied": "refuses access",
    "429": "has answered too often already (rate limit)",
}


def lock_base(image: str, mirrors: Mapping[str, str]) -> LockedBase:
    """Return the digests of a base image, from its mirror if it has one; or the reason why there are none."""
    try:
        found = look_up(mirrored(image, mirrors))
    except NoAnswerError as error:
        return LockedBase(reason=f"its registry {_refusal(str(error))}")
    platforms = {name: digest for name, digest in sorted(found.platforms.items()) if name in PLATFORMS}
    return LockedBase(digest=found.digest, platforms=platforms)


def _refusal(said: str) -> str:
    """Return why a registry gave no answer, without what differs from machine to machine: the lock is committed."""
    return next((reason for sign, reason in _REFUSALS.items() if sign in said), "could not be reached")


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
