"""Images that the engine has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from edgebake.host.built import from_config
from edgebake.host.candidate import Candidate, is_key
from edgebake.model.target import Target
from edgebake.system.docker import docker


def local_candidates(repository: str, targets: Mapping[str, Target]) -> list[Candidate]:
    """Return the engine's images of a repository.

    Raises:
        EdgebakeError: no engine answers.
    """
    listed = docker("image", "ls", "--no-trunc", "--quiet", f"--filter=reference={repository}:*")
    found = sorted(set(listed.stdout.split()))
    if not found:
        return []
    # An image that is removed meanwhile is left out.
    images = json.loads(docker("image", "inspect", *found).stdout or "[]")
    return [
        _candidate(reference, image, targets)
        for image in images
        for reference in image.get("RepoTags") or ()
        if reference.rpartition(":")[0] == repository and not is_key(reference.rpartition(":")[2])
    ]


def local_reference(reference: str, targets: Mapping[str, Target]) -> Candidate | None:
    """Return the engine's image of a reference (or id), or None.

    Raises:
        EdgebakeError: no engine answers.
    """
    done = docker("image", "inspect", reference)
    images = json.loads(done.stdout or "[]") if done.returncode == 0 else []
    return _candidate(reference, images[0], targets) if images else None


def _candidate(reference: str, image: Mapping[str, Any], targets: Mapping[str, Target]) -> Candidate:
    config = image.get("Config") or {}
    labels, environment = config.get("Labels") or {}, tuple(config.get("Env") or ())
    platform = f"{image.get('Os')}/{image.get('Architecture')}"
    tag = reference.rpartition("/")[2].partition(":")[2]
    built = from_config(labels, environment, (platform,), tag, targets)
    return Candidate(reference, built, True, image.get("Created") or "", labels, environment)
