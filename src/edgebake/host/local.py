"""Images that the engine has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from edgebake.host.built import from_config
from edgebake.host.candidate import Candidate, is_key
from edgebake.host.engine import docker
from edgebake.model.target import Target

TITLE = "org.opencontainers.image.title"


def local_candidates(
    repositories: Iterable[str], title: str | None, targets: Mapping[str, Target]
) -> list[Candidate]:
    """Return the engine's images of some repositories, and those whose title is a name.

    Raises:
        EdgebakeError: no engine answers.
    """
    filters = [f"--filter=reference={repository}:*" for repository in repositories]
    found = _ids(*filters)
    if title is not None:
        found |= _ids(f"--filter=label={TITLE}={title}")
    if not found:
        return []
    # One that is removed meanwhile is left out, and the others are told all the same.
    images = json.loads(docker("image", "inspect", *sorted(found)).stdout or "[]")
    wanted = set(repositories)
    return [one for image in images for one in _candidates(image, wanted, title, targets)]


def local_reference(reference: str, targets: Mapping[str, Target]) -> Candidate | None:
    """Return the engine's image of a reference (or id), or None.

    Raises:
        EdgebakeError: no engine answers.
    """
    done = docker("image", "inspect", reference)
    images = json.loads(done.stdout or "[]") if done.returncode == 0 else []
    return _candidate(reference, images[0], targets) if images else None


def _ids(*filters: str) -> set[str]:
    return set(docker("image", "ls", "--no-trunc", "--quiet", *filters).stdout.split())


def _candidates(
    image: Mapping[str, Any], repositories: set[str], title: str | None, targets: Mapping[str, Target]
) -> list[Candidate]:
    labels = (image.get("Config") or {}).get("Labels") or {}
    titled = title is not None and labels.get(TITLE) == title
    found = []
    for reference in image.get("RepoTags") or ():
        repository, _, tag = reference.rpartition(":")
        if (titled or repository in repositories) and not is_key(tag):
            found.append(_candidate(reference, image, targets))
    return found


def _candidate(reference: str, image: Mapping[str, Any], targets: Mapping[str, Target]) -> Candidate:
    config = image.get("Config") or {}
    labels, environment = config.get("Labels") or {}, tuple(config.get("Env") or ())
    platform = f"{image.get('Os')}/{image.get('Architecture')}"
    tag = reference.rpartition("/")[2].partition(":")[2]
    built = from_config(labels, environment, (platform,), tag, targets)
    return Candidate(reference, built, True, image.get("Created") or "", labels, environment)
