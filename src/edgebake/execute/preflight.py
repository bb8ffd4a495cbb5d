"""Before a bake: Docker, Buildx and a builder that can do the platforms; each lack with the way out."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from edgebake.errors import EdgebakeError
from edgebake.execute.builders import BuilderState, inspect
from edgebake.execute.buildx import installed_buildx
from edgebake.plan.steps import CheckBuilder
from edgebake.system.docker import docker, last_line, unreachable

_QEMU_HINTS = (
    "install QEMU 10 or later with its binfmt handlers: apt install qemu-user-binfmt (Debian 13, Ubuntu 25.04)",
    "or install them with Docker: docker run --privileged --rm tonistiigi/binfmt --install {arch}",
    "or use a builder with a node of that platform: see builder in edgebake.yaml, and edgebake builder create",
)


def check_builder(step: CheckBuilder, builder: str | None) -> BuilderState:
    """See that a bake can begin, and return the state of its builder.

    Raises:
        EdgebakeError: no Docker, no engine, no Buildx, one too old, or a platform that the builder cannot run.
    """
    with ThreadPoolExecutor() as pool:  # each question takes Docker a tenth of a second
        engine, buildx = pool.submit(_check_docker), pool.submit(installed_buildx)
        state_of = pool.submit(inspect, builder)
        for asked in (engine, buildx):  # the cause is reported, not what follows from it
            asked.result()
        state = state_of.result()
    known = sorted({platform for node in state.nodes if not node.error for platform in node.platforms})
    missing = [platform for platform in step.emulated if platform not in known]
    if missing:
        errors = [f"; its node {node.name}: {node.error}" for node in state.nodes if node.error]
        raise not_emulated("builder", missing, f"it supports {', '.join(known)}{''.join(errors)}")
    return state


def not_emulated(who: str, platforms: Sequence[str], reason: str) -> EdgebakeError:
    """Return the message where a builder or engine (`who`) cannot run commands for `platforms`."""
    hints = [hint.format(arch=platforms[0].split("/")[1]) for hint in _QEMU_HINTS]
    return EdgebakeError(f"the {who} cannot run commands for {', '.join(platforms)}", reason=reason, hints=hints)


def _check_docker() -> None:
    done = docker("version", "--format", "{{.Server.Version}}")
    if done.returncode != 0:
        raise unreachable(last_line(done.stderr))
