"""The docker command, and what is wrong when it fails."""

from __future__ import annotations

import subprocess

from edgebake.errors import EdgebakeError

TIMEOUT = 120  # seconds
_UNREACHABLE = (
    "Cannot connect to the Docker daemon",
    "failed to connect to the docker API",
    "permission denied while",
)


def docker(*arguments: str, timeout: float = TIMEOUT) -> subprocess.CompletedProcess[str]:
    """Run a docker command and return what came of it, also if it failed.

    Raises:
        EdgebakeError: there is no docker command, no engine that it reaches, or no answer in time (seconds).
    """
    try:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout, check=False)
    except FileNotFoundError:
        raise no_docker() from None
    except subprocess.TimeoutExpired:
        raise EdgebakeError(f"docker {arguments[0]} did not answer within {timeout:.0f} s") from None
    if done.returncode != 0 and any(text in done.stderr for text in _UNREACHABLE):
        raise unreachable(last_line(done.stderr))
    return done


def no_docker() -> EdgebakeError:
    """Return the error for a machine without a docker command."""
    return EdgebakeError(
        "there is no docker command", hints=("install Docker: https://docs.docker.com/engine/install/",)
    )


def unreachable(reason: str) -> EdgebakeError:
    """Return the error for an engine that does not answer."""
    return EdgebakeError(
        "the Docker Engine cannot be reached",
        reason=reason,
        hints=(
            "start it (systemctl start docker), or point DOCKER_HOST at one",
            "what else is amiss: edgebake doctor",
        ),
    )


def last_line(text: str) -> str:
    """Return the last line of what a program said, where its reason stands."""
    lines = text.strip().splitlines()
    return lines[-1].removeprefix("ERROR: ") if lines else "it gave no reason"
