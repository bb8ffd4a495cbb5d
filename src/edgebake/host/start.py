"""Starts a container, and waits for its end or for its health."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from edgebake.errors import EdgebakeError
from edgebake.host.launch import Mounted, check_command
from edgebake.interrupt import raise_interrupt
from edgebake.system.docker import NEVER_RAN, docker, docker_process, last_line

TIMED_OUT = 124  # as timeout(1) has it
_GRACE = 10  # seconds between the signal that asks a container to end and the one that makes it
_CHECK = 120  # seconds for checking a configuration
_LOG = 20  # lines


def check_configuration(image: str, mounted: Mounted) -> None:
    """Have the image check a configuration, if it knows how to.

    Raises:
        EdgebakeError: the configuration is wrong, or the check cannot be run.
    """
    if not mounted.check:
        return
    raise_interrupt()
    done = docker(*check_command(image, mounted), timeout=_CHECK)
    if done.returncode == NEVER_RAN:
        raise EdgebakeError("the configuration cannot be checked", reason=last_line(done.stderr))
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()) or f"the check ended with {done.returncode}"
        raise EdgebakeError(f"the configuration {str(mounted.file)!r} is wrong", reason=said)


def run(command: Sequence[str], name: str, timeout: float | None) -> int:
    """Run a container in the foreground and return its exit code; TIMED_OUT if it was stopped after some seconds.

    Ctrl-C reaches the container, too; if it does not end by itself, it is removed.

    Raises:
        EdgebakeError: there is no Docker.
    """
    raise_interrupt()
    process = docker_process(*command[1:])
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        docker("stop", "-t", str(_GRACE), name)
        process.wait()
        return TIMED_OUT
    except BaseException:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
        remove(name)
        raise


def remove(name: str) -> None:
    """Remove a container, if it is there."""
    with suppress(EdgebakeError):
        docker("rm", "--force", "--volumes", name)


def start(command: Sequence[str]) -> None:
    """Start a container in the background.

    Raises:
        EdgebakeError: Docker does not start it.
    """
    raise_interrupt()
    done = docker(*command[1:], timeout=600)
    if done.returncode != 0:
        raise EdgebakeError("Docker cannot start the container", reason=last_line(done.stderr))


def has_health_check(reference: str) -> bool:
    """Tell whether an image of the engine's has a health check."""
    done = docker("image", "inspect", "--format", "{{json .Config}}", reference)
    config = json.loads(done.stdout) if done.returncode == 0 else {}
    test = (config.get("Healthcheck") or {}).get("Test") or ["NONE"]
    return bool(test[0] != "NONE")


def wait_until_healthy(name: str, timeout: float) -> None:
    """Wait until a container's health check passes, at most `timeout` seconds. If not, the container is removed.

    Raises:
        EdgebakeError: it ends, is unhealthy, or the time is over; with the last lines that it wrote.
    """
    deadline = time.monotonic() + timeout
    try:
        while True:
            done = docker("container", "inspect", "--format", "{{json .State}}", name)
            state: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {"ExitCode": "unknown"}
            check = state.get("Health") or {}
            health, log = check.get("Status"), check.get("Log") or [{}]
            if health == "healthy":
                return
            if not state.get("Running"):
                raise _never_healthy(name, f"it ended with exit code {state.get('ExitCode')}")
            if health == "unhealthy":
                raise _never_healthy(name, f"its health check fails: {last_line(log[-1].get('Output') or '')}")
            if time.monotonic() > deadline:
                raise _never_healthy(name, f"its health check has not passed within {timeout:.0f} s")
            time.sleep(0.2)
    except BaseException:
        remove(name)
        raise


def _never_healthy(name: str, reason: str) -> EdgebakeError:
    done = docker("logs", "--tail", str(_LOG), name)
    said = (done.stdout + done.stderr).strip()
    lines = f"{reason}\nit wrote:\n{said}" if said else f"{reason}\nit wrote nothing"
    return EdgebakeError(f"the container {name} is not healthy, and was removed", reason=lines)
