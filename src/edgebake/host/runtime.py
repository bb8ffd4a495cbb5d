"""How containers get a GPU on a machine: NVIDIA's runtime, and the container device interface (CDI)."""

from __future__ import annotations

import json
import re

from edgebake.host.files import Files
from edgebake.host.machine import ContainerRuntime

_DAEMON = "/etc/docker/daemon.json"
_HOST_FILES = "/etc/nvidia-container-runtime/host-files-for-container.d"


def container_runtime(files: Files) -> ContainerRuntime:
    """Return what the machine's files say of its container runtime."""
    settings = _settings(files)
    runtimes = settings.get("runtimes")
    return ContainerRuntime(
        docker=any(files.in_path(program) for program in ("dockerd", "docker")),
        nvidia_runtime=files.in_path("nvidia-container-runtime"),
        configured=isinstance(runtimes, dict) and "nvidia" in runtimes,
        default=settings.get("default-runtime") == "nvidia",
        cdi=_cdi(files),
        host_files=tuple(files.names(_HOST_FILES, "*.csv")),
    )


def _settings(files: Files) -> dict[str, object]:
    try:
        found = json.loads(files.text(_DAEMON) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _cdi(files: Files) -> tuple[str, ...]:
    """Return the devices of the specifications: JSON, or YAML, of which only kind and names are read.

    A specification for a Jetson has thousands of lines, which a YAML parser takes seconds for.
    """
    found: dict[str, None] = {}
    for folder in ("/etc/cdi", "/var/run/cdi"):
        for path in files.names(folder):
            text = files.text(path) or ""
            kind = re.search(r"^\s*\"?kind\"?:\s*\"?([\w./-]+)\"?", text, re.MULTILINE)
            devices = text.partition("devices")[2]
            for name in re.findall(r"^(?:    |  |\t)*-?\s*\"?name\"?:\s*\"?([\w.:-]+)\"?", devices, re.MULTILINE):
                if kind:
                    found[f"{kind[1]}={name}"] = None
    return tuple(found)
