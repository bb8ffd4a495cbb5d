"""The wheel, installed as users install it, runs the commands of the README far from the checkout.

pip compiles every Python file that it installs, those of the packaged catalogue too; pipx and `uv tool` do not.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from uv import find_uv_bin

import edgebake
from integration.test_every_command import COMMANDS

CHECKOUT = Path(__file__).parents[2]
DATA = ("recipes", "targets", "templates")
VISION = {"vision": {"recipes": ["onnxruntime", "opencv"], "targets": ["cpu", "jetpack-6.2", "cuda-12.8"]}}

WITHOUT_PROJECT = """
edgebake --help
edgebake --show-completion bash
edgebake list recipes
edgebake list targets
edgebake list --uncited
edgebake show pytorch
edgebake compat
edgebake schema recipe
edgebake detect
edgebake plan pytorch transformers --target jetpack-6.2 --name ai-workstation
edgebake init robot
"""
IN_NEW_PROJECT = """
edgebake plan
edgebake compile --check  # exits with 3
edgebake compile
edgebake compile --check
edgebake plan --json
edgebake plan --check
edgebake plan --shards 2
edgebake plan --select +hello
edgebake list images
edgebake show hello --json
edgebake why hello numpy
edgebake graph
edgebake graph -o build.html
edgebake lint
edgebake compose --target cpu
edgebake ci github  # exits with 2
edgebake ci matrix --all
edgebake doctor  # exits with 3
git init -q .
git add .
git -c user.name=me -c user.email=me@example.org commit -qm first
edgebake diff HEAD
"""
IN_PROJECT_FOR_BOARDS = """
edgebake compile
edgebake diff --targets cpu jetpack-6.2
"""
NEED_ENGINE = {"artifacts", "bake", "bench", "builder", "test"}
NEED_REGISTRY = {"autotag", "lock", "prune", "publish", "run", "verify"}


def install_with_pip(wheel: Path, folder: Path) -> Path:
    """Install into an environment that has nothing else, not even pip."""
    run([find_uv_bin(), "venv", "-q", "--python", sys.executable, folder / "venv"], folder)
    run([sys.executable, "-m", "pip", "--python", folder / "venv/bin/python", "install", "-q", wheel], folder)
    compiled = folder.glob("venv/lib/*/site-packages/edgebake/_catalogue/templates/init/app/__pycache__/*.pyc")
    assert list(compiled), "pip no longer compiles what it installs: this test has lost its point"
    return folder / "venv/bin"


def install_with_pipx(wheel: Path, folder: Path) -> Path:
    places = {"PIPX_HOME": folder / "pipx", "PIPX_BIN_DIR": folder / "bin", "PIPX_MAN_DIR": folder / "man"}
    run([sys.executable, "-m", "pipx", "install", "-q", "--python", sys.executable, wheel], folder, **places)
    return folder / "bin"


def install_with_uv(wheel: Path, folder: Path) -> Path:
    places = {"UV_TOOL_DIR": folder / "tools", "UV_TOOL_BIN_DIR": folder / "bin"}
    run([find_uv_bin(), "tool", "install", "-q", "--python", sys.executable, wheel], folder, **places)
    return folder / "bin"


def run(command: list[str | Path], folder: Path, code: int = 0, **variables: str | Path) -> str:
    """Run a command with nothing of the checkout in its environment; return what it prints."""
    unwanted = ("PYTHON", "VIRTUAL_ENV", "EDGEBAKE_", "PIP_NO_COMPILE", "UV_COMPILE")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    done = subprocess.run(command, cwd=folder, env={**inherited, **variables}, capture_output=True, text=True)
    assert done.returncode == code, f"{shlex.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout


def run_all(commands: str, folder: Path, programs: Path) -> None:
    """Run lines of commands in a folder, with no engine and no registry to reach."""
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    closed = {"DOCKER_HOST": "tcp://127.0.0.1:1", "HOME": programs.parent, "PATH": path}
    for line in commands.strip().splitlines():
        command, _, code = line.partition("  # exits with ")
        run(shlex.split(command), folder, int(code or 0), **closed)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    if importlib.util.find_spec("hatchling"):
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    else:
        command = [find_uv_bin(), "build", "--wheel", "--out-dir", str(folder)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_has_the_whole_catalogue(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(["git", "ls-files", *DATA], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert {f"edgebake/_catalogue/{path}" for path in tracked.stdout.splitlines()} <= names
    assert {"edgebake/py.typed", "edgebake/_catalogue/templates/dockerfile/Dockerfile.j2"} <= names
    assert [name for name in names if "__pycache__" in name or name.startswith(("tests/", "examples/"))] == []


@pytest.mark.parametrize("install", [install_with_pip, install_with_pipx, install_with_uv])
def test_an_installed_wheel_runs_what_needs_no_engine(
    install: Callable[[Path, Path], Path], wheel: Path, tmp_path: Path
) -> None:
    programs = install(wheel, tmp_path)
    empty, vision = tmp_path / "empty", tmp_path / "vision"
    empty.mkdir()
    vision.mkdir()
    assert run([programs / "edgebake", "--version"], empty).split()[-1] == edgebake.__version__
    run_all(WITHOUT_PROJECT, empty, programs)
    run_all(IN_NEW_PROJECT, empty / "robot", programs)
    (vision / "edgebake.yaml").write_text(json.dumps({"images": VISION}))
    run_all(IN_PROJECT_FOR_BOARDS, vision, programs)
    plan = ["plan", "--check", "--json"]
    for project in (empty / "robot", vision):  # the checkout finds its own files there, and builds the same
        here = subprocess.check_output([sys.executable, "-m", "edgebake", *plan], cwd=project, text=True)
        assert run([programs / "edgebake", *plan], project) == here


def test_no_command_of_the_readme_is_forgotten() -> None:
    names = {command.split()[0] for command in COMMANDS}
    shown = names.intersection(re.findall(r"\bedgebake ([a-z]+)", (CHECKOUT / "README.md").read_text()))
    ran = set(re.findall(r"^edgebake ([a-z]+)", WITHOUT_PROJECT + IN_NEW_PROJECT + IN_PROJECT_FOR_BOARDS, re.M))
    assert shown - (NEED_ENGINE | NEED_REGISTRY) <= ran
    assert not ran & (NEED_ENGINE | NEED_REGISTRY)
