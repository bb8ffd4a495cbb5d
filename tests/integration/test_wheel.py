"""The wheel, installed with nothing but what it declares, compiles projects far from the checkout."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from uv import find_uv_bin

import edgebake
from integration.projects import tree

CHECKOUT = Path(__file__).parents[2]
DATA = ("recipes", "targets", "templates")

# Runs the command line, and ends with the files of the checkout that it opened.
WATCHED = """
import sys
checkout, seen = sys.argv.pop(1), []
sys.addaudithook(lambda event, args: seen.append(str(args[0])) if event == "open" else None)
from edgebake.cli.main import main
try:
    main()
finally:
    print(*(path for path in seen if path.startswith(checkout)), file=sys.stderr)
"""


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


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has the wheel and what it declares, and nothing else."""
    environment = tmp_path_factory.mktemp("elsewhere") / "venv"
    uv = [find_uv_bin(), "--offline", "--no-config", "-q"]
    subprocess.run([*uv, "venv", "--python", sys.executable, environment], check=True)
    interpreter = environment / "bin/python"
    subprocess.run([*uv, "pip", "install", "--python", interpreter, "--no-deps", wheel], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    for name in declared("edgebake", set()):
        copy_distribution(distribution(name), packages)
    return interpreter


def declared(name: str, seen: set[str]) -> Iterator[str]:
    """Yield the names of all distributions that one requires here, and those that these do."""
    for text in distribution(name).requires or ():
        requirement = Requirement(text)
        if requirement.name in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen.add(requirement.name)
        yield requirement.name
        yield from declared(requirement.name, seen)


def copy_distribution(found: Distribution, packages: Path) -> None:
    for file in found.files or ():
        if ".." not in file.parts and not file.match("*.pyc"):
            (packages / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(str(file.locate()), packages / file)


def run(python: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    command = [python, "-c", WATCHED, str(CHECKOUT), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "", "files of the checkout were opened"
    return done


def test_the_wheel_has_the_whole_catalogue(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(["git", "ls-files", *DATA], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert {f"edgebake/_catalogue/{path}" for path in tracked.stdout.splitlines()} <= names
    assert {"edgebake/py.typed", "edgebake/_catalogue/templates/dockerfile/Dockerfile.j2"} <= names
    assert [name for name in names if "__pycache__" in name or name.startswith(("tests/", "examples/"))] == []


def test_the_wheel_runs_from_its_own_files(python: Path, tmp_path: Path) -> None:
    where = subprocess.run(
        [python, "-I", "-c", "import edgebake; print(edgebake.__file__, edgebake.__version__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    path, version = where.stdout.split()
    assert Path(path).is_relative_to(python.parents[1])
    assert version == edgebake.__version__


def test_a_new_project_compiles(python: Path, tmp_path: Path) -> None:
    run(python, tmp_path, "init", "robot", "--target", "jetpack-6.2")
    run(python, tmp_path / "robot", "compile")
    run(python, tmp_path / "robot", "plan", "--check")
    assert "FROM" in (tmp_path / "robot/bake/jetpack-6.2/Dockerfile").read_text()


def test_it_compiles_to_the_same_files_as_the_checkout(python: Path, tmp_path: Path) -> None:
    images = {"vision": {"recipes": ["onnxruntime", "opencv"], "targets": ["cpu", "jetpack-6.2", "cuda-12.8"]}}
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "edgebake.yaml").write_text(json.dumps({"images": images}))
    run(python, tmp_path / "one", "compile")
    command = [sys.executable, "-m", "edgebake", "compile"]
    subprocess.run(command, cwd=tmp_path / "other", capture_output=True, check=True)
    assert tree(tmp_path / "one/bake") == tree(tmp_path / "other/bake")
