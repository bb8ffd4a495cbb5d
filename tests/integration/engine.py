"""What some integration tests need of the machine; scripts/test has it all, and lets no test be skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import lru_cache

import pytest

BASE = "localhost:5000/busybox:stable"
"""An image in the test registry: `scripts/engine up` makes it."""


@lru_cache
def _answers(*command: str) -> bool:
    return shutil.which(command[0]) is not None and subprocess.run(command, capture_output=True).returncode == 0


def _needs(found: bool, reason: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not found and "EDGEBAKE_NO_SKIP" not in os.environ, reason=reason)


needs_buildx = _needs(_answers("docker", "buildx", "version"), "docker buildx is not installed")
needs_compose = _needs(_answers("docker", "compose", "version"), "docker compose is not installed")
needs_registry = _needs(
    _answers("docker", "buildx", "imagetools", "inspect", BASE), "the test engine is not up: scripts/engine up"
)
