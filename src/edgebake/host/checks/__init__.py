"""The checks of `edgebake doctor`: what they look at, and what they find."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.host.detect import detect
from edgebake.host.files import Files
from edgebake.host.machine import Machine
from edgebake.load.workspace import Workspace
from edgebake.registry.client import RegistryClient
from edgebake.system.docker import docker as call_docker  # `docker` is a module of this package

State = Literal["ok", "warning", "problem", "unknown"]
"""warning: works, but not well; problem: does not work; unknown: could not be checked."""


@dataclass(frozen=True)
class Finding:
    """The result of a check.

    `text` is the result of the `check`, `remedies` are commands that fix it, or what to do. `fix` fixes it and
    returns what it did; only for what can do no harm, else None. `fixed` is what was done.
    """

    check: str
    state: State
    text: str
    remedies: tuple[str, ...] = ()
    fix: Callable[[], str] | None = None
    fixed: str = ""


@dataclass(frozen=True)
class Surroundings:
    """What the checks look at: the machine, the user's environment, and the project's registry and certificates.

    `info` is the output of `docker info`; empty if no engine answers.
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

    `registry` and `ca_bundle`, a path relative to the project, take the place of the project's.
    """
    files, place = Files(), (registry or workspace.project.registry).rstrip("/")
    bundle = ca_bundle or workspace.project.ca_bundle
    path = workspace.root / bundle if bundle else None
    bundle_file = path if path and path.is_file() else None
    client = RegistryClient(environment, bundle_file, insecure=workspace.project.insecure_registries)
    return Surroundings(files, detect(files), environment, place, client, path, _docker_info())


def _docker_info() -> Mapping[str, Any]:
    try:
        done = call_docker("info", "--format", "{{json .}}", timeout=30)
        info = json.loads(done.stdout or "{}")
    except (EdgebakeError, ValueError):
        return {}
    return info if isinstance(info, dict) and info.get("ServerVersion") else {}
