"""What `edgebake doctor` looks at: the machine, its engine, the project's registry and certificates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebake.errors import EdgebakeError
from edgebake.host.detect import detect
from edgebake.host.files import Files
from edgebake.host.machine import Machine
from edgebake.load.workspace import Workspace
from edgebake.registry.client import RegistryClient
from edgebake.system.docker import docker


@dataclass(frozen=True)
class Surroundings:
    """What the checks look at.

    Attributes:
        files: the machine's.
        machine: the machine's facts.
        environment: the user's.
        registry: where the project's images are.
        client: asks registries.
        ca_bundle: the certificates that builds trust.
        info: the output of `docker info`; empty if no engine answers.
    """

    files: Files
    machine: Machine
    environment: Mapping[str, str]
    registry: str
    client: RegistryClient
    ca_bundle: Path | None
    info: Mapping[str, Any]


def surroundings_of(
    workspace: Workspace, environment: Mapping[str, str], registry: str | None, ca_bundle: str | None
) -> Surroundings:
    """Return the surroundings of a project on this machine.

    Args:
        workspace: the project.
        environment: the user's.
        registry: a registry in place of the project's.
        ca_bundle: certificates in place of the project's, relative to it.
    """
    bundle = ca_bundle or workspace.project.ca_bundle
    path = workspace.root / bundle if bundle else None
    files = Files()
    return Surroundings(
        files,
        detect(files),
        environment,
        (registry or workspace.project.registry).rstrip("/"),
        RegistryClient(environment, path if path and path.is_file() else None),
        path,
        _docker_info(),
    )


def _docker_info() -> Mapping[str, Any]:
    try:
        done = docker("info", "--format", "{{json .}}", timeout=30)
        info = json.loads(done.stdout or "{}")
    except (EdgebakeError, ValueError):
        return {}
    return info if isinstance(info, dict) and info.get("ServerVersion") else {}
