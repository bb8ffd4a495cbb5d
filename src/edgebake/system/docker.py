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


def docker(
    *arguments: str, timeout: float = TIMEOUT, needs_engine: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a docker command and return what came of it, also if it failed.

    Args:
        arguments: what stands behind `docker`.
        timeout: seconds.
        needs_engine: whether it is the engine that must answer, and not a builder or a registry.

    Raises:
        EdgebakeError: there is no docker command, no engine that it reaches, or no answer in time.
    """
    try:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout, check=False)
    except FileNotFoundError:
        raise no_docker() from None
    except subprocess.TimeoutExpired:
        words = " ".join(arguments[: 2 if arguments[0] == "buildx" else 1])
        raise EdgebakeError(f"docker {words} did not answer within {timeout:.0f} s") from None
    if needs_engine and done.returncode != 0 and any(text in done.stderr for text in _UNREACHABLE):
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
