"""The docker command: for all but bakes (execute/process.py) and tests in containers (python-on-whales)."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from packaging.version import Version

from edgebake.errors import EdgebakeError

TIMEOUT = 120  # seconds
OLDEST_BUILDX = Version("0.13.0")
"""The first with `--progress=rawjson` (docker/buildx release notes)."""
NEVER_RAN = 125
"""Exit code of `docker run` if Docker itself fails."""
_UNREACHABLE = re.compile(
    "Cannot connect to the Docker daemon|failed to connect to the docker API|permission denied while"
)


class DockerTimeoutError(EdgebakeError):
    """A docker command did not end in time."""


def docker(
    *arguments: str,
    timeout: float = TIMEOUT,
    needs_engine: bool = True,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a docker command and return its result, also if it failed.

    `needs_engine`: whether the engine must answer, and not a builder or a registry. `folder` is where it runs, here
    if None; `environment` is this process's own if None.

    Raises:
        EdgebakeError: docker is not installed, it reaches no engine, or it does not end in time.
    """
    try:
        done = subprocess.run(
            ["docker", *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
            cwd=folder,
            env=environment,
        )
    except FileNotFoundError:
        raise _not_found() from None
    except subprocess.TimeoutExpired:
        words = " ".join(arguments[: 2 if arguments[0] == "buildx" else 1])
        raise DockerTimeoutError(f"docker {words} did not answer within {timeout:.0f} s") from None
    if needs_engine and done.returncode != 0 and _UNREACHABLE.search(done.stderr):
        raise unreachable(last_line(done.stderr))
    return done


def docker_process(
    *arguments: str, stdout: int | IO[str] | None = None, stderr: int | None = None, own_session: bool = False
) -> subprocess.Popen[str]:
    """Start a docker command, and return while it runs.

    `stdout` and `stderr` are as for subprocess.Popen; this process's own if None. `own_session`: Ctrl-C does not
    reach it.

    Raises:
        EdgebakeError: docker is not installed.
    """
    try:
        return subprocess.Popen(
            ["docker", *arguments], stdout=stdout, stderr=stderr, text=True, start_new_session=own_session
        )
    except FileNotFoundError:
        raise _not_found() from None


def check_buildx() -> str:
    """Return Buildx's version; empty if it was built without one, and then it is taken as new enough.

    Raises:
        EdgebakeError: docker is not installed, has no Buildx, or one that is too old.
    """
    done = docker("buildx", "version", needs_engine=False)
    if done.returncode != 0:
        raise EdgebakeError(
            "Docker has no Buildx",
            reason=last_line(done.stderr),
            hints=("install docker-buildx-plugin (Docker's packages) or docker-buildx (Debian, Ubuntu)",),
        )
    match = re.search(r"\bv?(\d+\.\d+\.\d+)", done.stdout)
    version = match[1] if match and match[1] != "0.0.0" else ""
    if version and Version(version) < OLDEST_BUILDX:
        raise EdgebakeError(
            f"Buildx {version} is too old: edgebake needs {OLDEST_BUILDX} or later",
            hints=("update docker-buildx-plugin",),
        )
    return version


def pull(reference: str, platform: str | None = None, *, quiet: bool = False) -> None:
    """Pull an image, for the engine's own platform if it is None. Unless `quiet`, Docker shows progress on stderr.

    Raises:
        EdgebakeError: docker is not installed, or the image cannot be pulled.
    """
    words = ["pull", *(["--platform", platform] if platform else []), reference]
    output = subprocess.DEVNULL if quiet else sys.stderr
    with docker_process(*words, stdout=output, stderr=subprocess.PIPE) as process:
        try:
            _, errors = process.communicate()
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise EdgebakeError(f"the image {reference} cannot be pulled", reason=last_line(errors))


def _not_found() -> EdgebakeError:
    return EdgebakeError("docker not found", hints=("install Docker: https://docs.docker.com/engine/install/",))


def unreachable(reason: str) -> EdgebakeError:
    """Return the error for an engine that does not answer."""
    return EdgebakeError(
        "the Docker Engine cannot be reached",
        reason=reason,
        hints=(
            "start it (systemctl start docker), or set DOCKER_HOST to another one",
            "for other problems: edgebake doctor",
        ),
    )


def last_line(text: str) -> str:
    """Return the last line of a program's output, where its reason stands."""
    lines = text.strip().splitlines()
    return lines[-1].removeprefix("ERROR: ") if lines else "it gave no reason"
