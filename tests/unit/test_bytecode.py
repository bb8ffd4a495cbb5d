"""Bytecode is part of no recipe and no template: pip leaves some next to every Python file of the packaged catalogue."""

from __future__ import annotations

import compileall
import shutil
from pathlib import Path

import pytest

from edgebake.inspect.show_catalogue import show_recipe
from edgebake.load import scaffold
from edgebake.load.catalogue import builtin_root
from edgebake.plan.fingerprint import Fingerprints
from edgebake.testing.subjects import own_fingerprint
from integration.projects import AMD64, CATALOGUE, CPU, Project, make_project, recipe, tree, write_files


def compile_python(folder: Path) -> None:
    """Compile as pip does, and leave a file where Python 2 left its bytecode."""
    compileall.compile_dir(folder, quiet=1)
    write_files(folder, {"old.pyc": b"\xa7"})
    assert list(folder.rglob("__pycache__/*.pyc"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose image has a catalogue recipe with a folder of Python files, and a test with another."""
    shared = recipe("shared", install={"files": {"app": "/app"}}, test={"script": "test.py", "files": ["data"]})
    made = make_project(tmp_path, catalogue=[*CATALOGUE, shared], targets=(CPU,)).images(app=["shared"])
    files = ("test.py", "app/main.py", "app/part/page.py", "data/case.py")
    write_files(made.builtin / "recipes/shared", dict.fromkeys(files, "print()\n"))
    return made


def results(project: Project) -> list[object]:
    """Return all that follows from the files of the recipe."""
    workspace, compilation = project.open(), project.compile()
    tested = own_fingerprint(compilation, Fingerprints(compilation), "shared", AMD64)
    shown = show_recipe(workspace, workspace.catalogue.recipe("shared"), None, None)
    return [project.files(), project.fingerprints(), tested, shown, workspace.catalogue.recipe_names()]


def test_it_changes_nothing_about_a_recipe_of_the_catalogue(project: Project) -> None:
    before = results(project)
    compile_python(project.builtin / "recipes/shared")
    compile_python(project.builtin / "recipes")
    write_files(project.builtin / "recipes/shared/app", {"part/old.pyc": b"\xa7"})
    assert results(project) == before


def test_it_is_no_part_of_a_new_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = tmp_path / "catalogue"
    for folder in ("templates/init", "targets"):
        shutil.copytree(builtin_root() / folder, packaged / folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(scaffold, "builtin_root", lambda: packaged)
    plain = scaffold.make_project(tmp_path / "plain", "cpu")
    compile_python(packaged / "templates/init")
    assert scaffold.make_project(tmp_path / "compiled", "cpu") == plain
    assert tree(tmp_path / "compiled") == tree(tmp_path / "plain")
