"""What the local engine holds, and which builder would build."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from edgebake.errors import EdgebakeError
from edgebake.system.docker import docker

TIMEOUT = 60  # seconds


def _asked(*arguments: str) -> str:
    """Return what a docker command prints; nothing if it cannot be run, or does not answer."""
    try:
        return docker(*arguments, timeout=TIMEOUT).stdout
    except EdgebakeError:
        return ""


def image_ids(references: Sequence[str]) -> dict[str, str]:
    """Return the ids of the images that the engine holds, by the references that were asked for."""
    if not references:
        return {}
    found: dict[str, str] = {}
    output = _asked("image", "inspect", "--format", "{{json .Id}} {{json .RepoTags}}", *references)
    for line in filter(None, output.splitlines()):
        image_id, _, tags = line.partition(" ")
        found |= dict.fromkeys(json.loads(tags) or (), json.loads(image_id))
    return {reference: found[_tagged(reference)] for reference in references if _tagged(reference) in found}


def _tagged(reference: str) -> str:
    """Return a reference as the engine lists it."""
    name = reference.removeprefix("docker.io/").removeprefix("library/")
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def builder_identity(builder: str | None) -> str:
    """Return what identifies a builder: name, driver, endpoints, and the engine behind it; empty if none."""
    output = _asked("buildx", "inspect", *([builder] if builder else []))
    facts = re.findall(r"^(?:Name|Driver|Endpoint):\s*(\S+)", output, re.MULTILINE)
    if not facts:
        return ""
    engine = _asked("system", "info", "--format", "{{.ID}}").strip() if "docker" in facts else ""
    return " ".join([*dict.fromkeys(facts), engine]).strip()
