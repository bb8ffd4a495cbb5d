"""Digests of base images and commits of git refs, asked of their registries and servers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from edgebake.model.lock import LockedBase
from edgebake.render.mirrors import mirrored

TIMEOUT = 120  # seconds
_REFUSALS = {
    "not found": "has no such image",
    "unauthorized": "wants a login",
    "denied": "refuses access",
    "429": "has answered too often already (rate limit)",
}


def lock_base(image: str, mirrors: Mapping[str, str]) -> LockedBase:
    """Return the digests of a base image, from its mirror if it has one.

    Asks with `docker buildx imagetools`, which has the user's registry logins. Where nothing answers, the result
    holds the reason.
    """
    reference = mirrored(image, mirrors)
    command = ["docker", "buildx", "imagetools", "inspect", reference, "--format", "{{json .}}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except FileNotFoundError:
        return LockedBase(reason="there is no docker to ask its registry with")
    except subprocess.TimeoutExpired:
        return LockedBase(reason=f"its registry did not answer within {TIMEOUT} s")
    if done.returncode != 0:
        return LockedBase(reason=f"its registry {_refusal(done.stderr)}")
    return _digests(json.loads(done.stdout))


def _refusal(stderr: str) -> str:
    """Return why a registry gave no answer, without what differs from machine to machine: the lock is committed."""
    for sign, reason in _REFUSALS.items():
        if sign in stderr:
            return reason
    return "could not be reached"


def _digests(data: dict[str, Any]) -> LockedBase:
    manifest = data["manifest"]
    platforms = {}
    for child in manifest.get("manifests", ()):
        platform = child.get("platform", {})
        name = f"{platform.get('os')}/{platform.get('architecture')}"
        if name in ("linux/amd64", "linux/arm64"):
            platforms[name] = child["digest"]
    if not platforms:
        config = data.get("image", {})
        platforms[f"{config.get('os', 'linux')}/{config.get('architecture', 'amd64')}"] = manifest["digest"]
    return LockedBase(digest=manifest["digest"], platforms=dict(sorted(platforms.items())))


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
