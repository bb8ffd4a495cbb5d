"""Builders with nothing in their cache, and a witness of what they really run."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_CACHE = Path("/var/cache/edgebake")
_START = 30  # seconds


def buildkitd() -> Path:
    """Return the daemon that `scripts/engine` builds from the Go module proxy; build it if it is not there."""
    if not list(_CACHE.glob("buildkit-*/buildkitd")):
        subprocess.run([ROOT / "scripts/engine", "buildkitd", "up"], check=True)
    return sorted(_CACHE.glob("buildkit-*/buildkitd"))[-1]


@contextmanager
def empty_builder(folder: Path) -> Iterator[str]:
    """Run a BuildKit daemon with a fresh root in `folder`; yield the name of a Buildx builder that is nothing else."""
    folder.mkdir(parents=True)
    address, name = f"unix://{folder}/s", f"eb-empty-{os.getpid()}-{time.monotonic_ns()}"
    (folder / "config.toml").touch()  # so that one in /etc is not read
    command = [str(buildkitd()), "--config", f"{folder}/config.toml", "--root", f"{folder}/root", "--addr", address]
    with (folder / "log").open("w") as log:
        daemon = subprocess.Popen([*command, "--containerd-worker=false"], stdout=log, stderr=log)
    try:
        _wait_for(folder / "s")
        subprocess.run(
            ["docker", "buildx", "create", "--driver", "remote", "--name", name, address],
            check=True,
            capture_output=True,
        )
        yield name
    finally:
        subprocess.run(["docker", "buildx", "rm", "--keep-state", name], check=False, capture_output=True)
        daemon.terminate()
        daemon.wait(timeout=60)
        _unmount(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(socket: Path) -> None:
    end = time.monotonic() + _START
    while not socket.exists():
        assert time.monotonic() < end, (socket.parent / "log").read_text()
        time.sleep(0.1)
    time.sleep(0.5)


def _unmount(folder: Path) -> None:
    points = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for point in sorted(points, reverse=True):
        if point.startswith(f"{folder}/"):
            with suppress(subprocess.SubprocessError):
                subprocess.run(["umount", "-l", point], check=True, timeout=30)


def witness(folder: Path, log: str = "") -> tuple[dict[str, str], Path]:
    """Return an environment whose `docker` keeps what bakes write, and the file with it: BuildKit's raw events.

    `log` is another file; variables in it are those of the one who bakes.
    """
    docker, events = shutil.which("docker"), folder / "events"
    script = folder / "bin/docker"
    script.parent.mkdir(parents=True)
    script.write_text(
        "#!/bin/bash\n"
        f'if [[ "$*" == *" bake "* ]]; then exec {docker} "$@" 2> >(tee -a "{log or events}" >&2); fi\n'
        f'exec {docker} "$@"\n'
    )
    script.chmod(0o755)
    events.touch()
    return {"PATH": f"{script.parent}:{os.environ['PATH']}"}, events
