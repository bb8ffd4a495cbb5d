"""The platform that Python packages are resolved for: one that the installed uv takes, and that the target can run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from uv import find_uv_bin

from edgebake.load.workspace import open_workspace
from edgebake.lock.uv import uv_platform

CATALOGUE = open_workspace(Path(__file__).parent, need_project=False).catalogue


@pytest.mark.parametrize(
    ("target", "platform"),
    [
        ("jetpack-4.6.6", "aarch64-manylinux_2_17"),  # glibc 2.27
        ("jetpack-5.1.2", "aarch64-manylinux_2_31"),
        ("jetpack-6.2", "aarch64-manylinux_2_35"),
        ("cuda-12.8", "x86_64-manylinux_2_39"),
    ],
)
def test_platform(target: str, platform: str) -> None:
    profile = CATALOGUE.target(target).target
    assert uv_platform(profile, profile.platforms[0]) == platform


@pytest.mark.parametrize("target", CATALOGUE.target_names())
def test_uv_takes_it(target: str) -> None:
    profile = CATALOGUE.target(target).target
    for platform in profile.platforms:
        command = [find_uv_bin(), "pip", "compile", "--quiet", "--offline", "--no-header"]
        command += ["--python-version", "3.11", "--python-platform", uv_platform(profile, platform), "-"]
        done = subprocess.run(command, input="", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
