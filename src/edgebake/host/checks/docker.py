"""Docker, its image store, Buildx, and room on the disk."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from edgebake.errors import EdgebakeError
from edgebake.execute.buildx import UPGRADE, installed_buildx
from edgebake.host.checks import Finding, State, Surroundings
from edgebake.system.docker import docker, last_line

_STORE = "io.containerd.snapshotter"
_GB = 2**30
_LITTLE, _TOO_LITTLE = 20 * _GB, 5 * _GB
"""An image with CUDA and a framework has 5 to 15 GB, and its layers are there twice while it is built."""


def engine(this: Surroundings) -> list[Finding]:
    """Look for the Docker Engine."""
    if this.info:
        return [Finding("Docker", "ok", f"Docker Engine {this.info['ServerVersion']}")]
    try:
        done = docker("version", "--format", "{{.Server.Version}}", timeout=30)
        text = last_line(done.stderr)
    except EdgebakeError as error:
        text, hints = f"{error.message}{f': {error.reason}' if error.reason else ''}", list(error.hints)
    else:
        hints = ["sudo systemctl start docker"]
    if "permission denied" in text:
        hints = ["sudo usermod -aG docker $USER   (and log in again)"]
    return [Finding("Docker", "problem", text, tuple(one for one in hints if "edgebake doctor" not in one))]


def containerd_store(this: Surroundings) -> list[Finding]:
    """Look whether the engine can keep images of several platforms: https://docs.docker.com/engine/storage/containerd/"""
    if not this.info:
        return []
    status = this.info.get("DriverStatus") or ()
    if any(len(row) == 2 and row[0] == "driver-type" and row[1].startswith(_STORE) for row in status):
        return [Finding("Image store", "ok", "containerd: images for several platforms can be built and loaded")]
    text = f"{this.info.get('Driver', 'unknown')}: the docker builder cannot build for several platforms at once"
    remedies = (
        'put {"features": {"containerd-snapshotter": true}} into /etc/docker/daemon.json',
        "sudo systemctl restart docker",
        "or use another builder: docker buildx create --use --driver docker-container",
    )
    return [Finding("Image store", "warning", text, remedies)]


def buildx(this: Surroundings) -> Iterator[Finding]:
    """Look for Buildx, for what it lacks, and for a builder that answers."""
    if not this.info and shutil.which("docker") is None:
        return  # reported already
    try:
        installed = installed_buildx()
    except EdgebakeError as error:
        yield Finding("Buildx", "problem", error.message, tuple(error.hints))
        return
    text = f"Buildx {installed.version or 'of an unknown version'}"
    missing = installed.missing()
    yield Finding("Buildx", "warning", f"{text}; {missing}", UPGRADE) if missing else Finding("Buildx", "ok", text)
    if this.info:
        yield _builder()


def _builder() -> Finding:
    done = docker("buildx", "inspect")
    if done.returncode != 0:
        remedies = ("docker buildx ls", "docker buildx use default")
        return Finding("Builder", "problem", last_line(done.stderr), remedies)
    name, status, platforms = (
        (match[1].strip() if (match := re.search(rf"^{key}:\s*(.*)$", done.stdout, re.MULTILINE)) else "")
        for key in ("Name", "Status", "Platforms")
    )
    if status in ("running", ""):
        return Finding("Builder", "ok", f"{name}: {platforms or 'platforms unknown'}")

    def begin() -> str:
        started = docker("buildx", "inspect", "--bootstrap", name)
        if started.returncode != 0:
            raise EdgebakeError(last_line(started.stderr))
        return f"started the builder {name}"

    remedy = f"docker buildx inspect --bootstrap {name}"
    return Finding("Builder", "warning", f"{name} is {status}", (remedy,), begin)


def disk(this: Surroundings) -> list[Finding]:
    """Look how much room there is where Docker keeps images."""
    root = Path(str(this.info.get("DockerRootDir") or "/var/lib/docker"))
    place = next((folder for folder in (root, *root.parents) if folder.is_dir()), Path("/"))
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        return [Finding("Disk", "unknown", f"{place}: {error.strerror}")]
    return [room(place, free)]


def room(place: Path, free: int) -> Finding:
    """Return what so many free bytes mean."""
    state: State = "problem" if free < _TOO_LITTLE else "warning" if free < _LITTLE else "ok"
    text = f"{free / _GB:.1f} GiB free in {place}"
    remedies = (
        "docker system df",
        "docker builder prune   (the build cache)",
        "docker image prune   (untagged images)",
    )
    return Finding("Disk", state, text, remedies)
