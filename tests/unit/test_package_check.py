"""The check of an image's Python packages: its script, and where it runs."""

from __future__ import annotations

import os
import platform
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgebake.load.folders import builtin_root
from integration.projects import Project, compiled_recipe, make_project, needs, stage_text

SCRIPT = builtin_root() / "templates/context/check-packages.py"
problems: Callable[..., list[str]] = runpy.run_path(str(SCRIPT))["problems"]


def metadata(name: str, version: str, *requires: str) -> str:
    lines = [f"Requires-Dist: {one}" for one in requires]
    return "\n".join(
        ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines, "", "Name: not-this"]
    )


def told(*packages: str, python: str = "3.11", machine: str = "aarch64", **provided: str) -> list[str]:
    return problems(packages, provided, python, machine)


A = metadata("A_b", "1.0", "six>=2")


def test_what_does_not_fit() -> None:
    assert told(A) == ["a-b 1.0 needs six>=2, and it is not there"]
    assert told(A, metadata("six", "1.16")) == ["a-b 1.0 needs six>=2, and version 1.16 is there"]
    assert told(A, metadata("Six", "2.0rc1")) == ["a-b 1.0 needs six>=2, and version 2.0rc1 is there"]
    assert told(A, metadata("six", "2.1")) == []
    assert told(A, six="1.0") == ["a-b 1.0 needs six>=2, and version 1.0 is there"]
    assert told(A, six="3") == []


@pytest.mark.parametrize(
    ("marker", "applies"),
    [
        ("platform_machine == 'aarch64'", True),
        ("platform_machine == 'x86_64'", False),
        (f"platform_machine == '{platform.machine()}'", platform.machine() == "aarch64"),  # not the builder's
        ("sys_platform == 'win32'", False),
        ("python_version < '3.12'", True),
        ("python_version < '3.11'", False),
        ("python_full_version < '3.11.3'", False),  # it may be later than that
        ("python_full_version >= '3.11.0'", True),
        ("extra == 'test'", False),
    ],
)
def test_markers_are_the_images(marker: str, applies: bool) -> None:
    assert bool(told(metadata("a", "1", f"six; {marker}"))) == applies


def test_extras_that_another_package_asks_for() -> None:
    inner = metadata("inner", "1", "deep; extra == 'more'", "other; extra == 'less'")
    assert told(metadata("a", "1", "b"), metadata("b", "1", "inner[More]"), inner) == [
        "inner 1 needs deep, and it is not there"
    ]


def test_extras_in_a_circle_end() -> None:
    assert told(metadata("a", "1", "b[x]; extra == 'y'", "b[x]"), metadata("b", "1", "a[y]; extra == 'x'")) == []


def test_what_pip_ignores_is_ignored() -> None:
    assert told(metadata("a", "1", "not a requirement !!")) == []
    assert told(metadata("a", "1", "b>=1"), metadata("b", "2024a-legacy")) != []


# ── on an image's files


def installed(root: Path, folder: str, *texts: str) -> None:
    for number, text in enumerate(texts):
        info = root / folder / f"p{number}-1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(text)


def checked(root: Path, tmp_path: Path) -> str:
    """Run the script on a folder; return what it says."""
    script = tmp_path / "check.py"
    script.write_text(SCRIPT.read_text().replace("/run/eb/image", os.fspath(root)))
    env = {**os.environ, "TARGETARCH": "arm64", "PYTHON_VERSION": "3.11"}
    done = subprocess.run([sys.executable, script], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (done.stderr == "")
    return done.stderr


VENV, SYSTEM = "opt/venv/lib/python3.11/site-packages", "usr/lib/python3/dist-packages"


@pytest.mark.parametrize(("sees_system", "fits"), [("true", True), ("false", False)])
def test_the_systems_packages_count_if_the_environment_sees_them(
    tmp_path: Path, sees_system: str, fits: bool
) -> None:
    root = tmp_path / "image"
    installed(root, VENV, A)
    installed(root, SYSTEM, metadata("six", "2.1"), metadata("broken", "1", "nowhere"))
    (root / "opt/venv/pyvenv.cfg").write_text(f"include-system-site-packages = {sees_system}\n")
    told = checked(root, tmp_path)
    assert told == "" if fits else "a-b 1.0 needs six>=2, and it is not there" in told


def test_debians_own_metadata_and_the_first_of_two(tmp_path: Path) -> None:
    root = tmp_path / "image"
    installed(root, VENV, A)
    (root / "opt/venv/pyvenv.cfg").write_text("include-system-site-packages = true\n")
    (root / SYSTEM / "six-2.5.egg-info").mkdir(parents=True)
    (root / SYSTEM / "six-2.5.egg-info/PKG-INFO").write_text(metadata("six", "2.5"))
    assert checked(root, tmp_path) == ""
    (root / "usr/local/lib/python3.11/dist-packages").mkdir(parents=True)
    installed(root, "usr/local/lib/python3.11/dist-packages", metadata("six", "1"))
    assert "version 1 is there" in checked(root, tmp_path)


def test_an_image_without_an_environment_of_its_own(tmp_path: Path) -> None:
    root = tmp_path / "image"
    installed(root, "usr/local/lib/python3.11/dist-packages", A)
    assert "needs six>=2" in checked(root, tmp_path)


# ── where it runs


def project_of(folder: Path, **app: Any) -> Project:
    project = make_project(folder)
    project.recipe(**needs("app", "numpy", **app))
    return project.images(app=["app"])


def test_an_image_that_is_not_locked_is_checked_on_the_build_platform(tmp_path: Path) -> None:
    text = project_of(tmp_path, install={"pip": ["six"]}).dockerfile()
    assert "FROM eb-native-pip-fetch AS eb-app-check\nARG TARGETARCH\n" in text
    assert "--mount=type=bind,from=eb-app,target=/run/eb/image" in stage_text(text, "eb-app-check")
    assert "python3 /run/eb/check-packages.py && mkdir /checked" in stage_text(text, "eb-app-check")
    assert stage_text(text, "app").startswith("COPY --link --from=eb-app-check /checked/ /\n")
    assert "pip check" not in text


LOCKED = {"app": {"six==1": []}, "numpy": {"numpy==2.3.1": []}}


def test_a_locked_image_was_checked_by_lock(tmp_path: Path) -> None:
    project = project_of(tmp_path, install={"pip": ["six"]})
    project.lock(LOCKED)
    assert "check-packages" not in project.dockerfile()


@pytest.mark.parametrize(
    ("script", "is_checked"),
    [
        ("python3 -m pip --no-cache-dir install six\n", True),
        ("uv pip install six\n", True),
        ("python3 setup.py develop\n", True),
        ("apt-get install pipx\n", False),
        ("python3 -m venv --without-pip /opt/venv\n", False),
    ],
)
def test_a_locked_image_in_which_a_script_installs_packages(tmp_path: Path, script: str, is_checked: bool) -> None:
    project = project_of(tmp_path, install={"pip": ["six"], "script": "install.sh"})
    project.write({"recipes/app/install.sh": script})
    project.lock(LOCKED)
    assert ("AS eb-app-check" in project.dockerfile()) == is_checked


@pytest.mark.parametrize(("dest", "is_checked"), [("/opt/venv", True), ("/usr/local", False)])
def test_a_locked_image_with_packages_from_a_build_stage(tmp_path: Path, dest: str, is_checked: bool) -> None:
    project = project_of(tmp_path)
    built = compiled_recipe("built")
    built["install"] = {"artifacts": {"/": dest}}
    project.recipe(**built).write({"recipes/built/build.sh": "make\n"}).images(app=["numpy", "built"])
    project.lock(LOCKED)
    assert ("AS eb-app-check" in project.dockerfile()) == is_checked


def test_an_image_without_python_has_no_check(tmp_path: Path) -> None:
    project = make_project(tmp_path).images(app=["zlib"])
    assert "check-packages" not in project.dockerfile()
