"""What the installed Buildx can do."""

from __future__ import annotations

import os
import shutil
from functools import cache

from packaging.version import Version

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.system.docker import check_buildx, docker

_WITH_JOBS = "0.38"

UPGRADE = (
    "update docker-buildx-plugin (Docker's packages)",
    "or put the binary of a release into ~/.docker/cli-plugins/docker-buildx: https://github.com/docker/buildx/releases",
)


@dataclass(frozen=True)
class Buildx:
    """A Buildx."""

    version: str  # as it reports it; "" if it was built without one
    # whether `bake --jobs` is there: many bake targets in one invocation, which goes on after a failure, or pushes
    # nothing before everything is built
    jobs: bool

    def missing(self) -> str:
        """Return what a newer Buildx would improve, as a sentence without its full stop; "" if nothing."""
        if self.jobs:
            return ""
        return (
            f"{_WITH_JOBS} or later can do --keep-going, builds tests and images in one pass, and more than 50 "
            "bake targets in one invocation"
        )

    def refuse_keep_going(self) -> None:
        """Refuse `--keep-going` if this Buildx cannot do it.

        Raises:
            EdgebakeError: it cannot; with the way to one that can.
        """
        if not self.jobs:
            reason = f"the installed one is {self.version or 'of an unknown version'}"
            raise EdgebakeError(f"--keep-going needs Buildx {_WITH_JOBS} or later", reason=reason, hints=UPGRADE)


def installed_buildx() -> Buildx:
    """Return the Buildx that Docker uses. It is asked once.

    Raises:
        EdgebakeError: there is no Docker, no Buildx, or one that is too old.
    """
    return _ask(shutil.which("docker") or "", os.environ.get("DOCKER_CONFIG", ""))


@cache
def _ask(program: str, configuration: str) -> Buildx:
    """Ask the Buildx of one docker command and one folder of configuration, which holds plugins."""
    version = check_buildx()
    if not version:  # somebody has built it without one
        return Buildx("", "--jobs" in docker("buildx", "bake", "--help", needs_engine=False).stdout)
    return Buildx(version, Version(version) >= Version(_WITH_JOBS))
