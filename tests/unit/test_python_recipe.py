"""Recipes written in Python run in a child process, for a limited time, and only where they are needed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from edgebake.errors import EdgebakeError
from edgebake.load import python_recipe
from edgebake.model.files import NO_PYTHON
from edgebake.system import child
from integration.projects import Project, make_project, recipe

IMPORT = "from edgebake.recipe import *\n"
GOOD = IMPORT + "recipe = Recipe(name='code', summary='s')\n"
RELEASES = (
    IMPORT + "def releases(target):\n    {body}\nrecipe = Recipe(name='code', summary='s', releases=releases)\n"
)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_recipe, "run_in_child", lambda function: child.run_in_child(function, 1.5))


def project(folder: Path, code: str, used: bool = True) -> Project:
    made = make_project(folder, {"recipes/code/recipe.py": code}).recipe(**recipe("plain"))
    return made.images(app=["code" if used else "plain"])


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("while True: pass\n", r"recipe\.py: the recipe did not end within 1\.5 s"),
        ("import time; time.sleep(100)\n", "the recipe did not end within"),
        ("import os; os._exit(0)\n", r"the recipe ended its process \(exit code 0\)"),
        ("import os; os.kill(os.getpid(), 9)\n", r"the recipe ended its process \(exit code -9\)"),
        ("import sys; sys.exit(0)\n", "the recipe raised SystemExit"),
        (
            "class E(Exception):\n    def __str__(self): return 1 / 0\nraise E\n",
            r"raised E: \(it cannot be shown\)",
        ),
        ("raise KeyboardInterrupt\n", "the recipe ended its process"),
        ("def f(): f()\nf()\n", "raised RecursionError"),
        (RELEASES.format(body="while True: pass"), "the recipe did not end within"),
        (RELEASES.format(body="import os; os._exit(3)"), r"ended its process \(exit code 3\)"),
        (RELEASES.format(body="raise ValueError('x')"), r"recipe\.py:3:1: the recipe raised ValueError: x"),
        (RELEASES.format(body="return [1]"), r"recipe\.py:2:1: releases\(target\) must return a list of Release"),
    ],
)
def test_code_that_does_not_end_well_is_told(tmp_path: Path, code: str, told: str) -> None:
    start = time.monotonic()
    with pytest.raises(EdgebakeError, match=told):
        project(tmp_path, code).compile()
    assert time.monotonic() - start < 20


def test_what_code_does_to_its_process_stays_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VARIABLE", "before")
    code = "import os\nos.environ['VARIABLE'] = 'after'\nos.chdir('/')\nprint('a line')\n" + GOOD
    here = Path.cwd()
    project(tmp_path, code).compile()
    assert (__import__("os").environ["VARIABLE"], Path.cwd()) == ("before", here)
    assert "a line" not in capsys.readouterr().out


def test_code_that_no_image_uses_is_not_run(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    code = f"open({str(ran)!r}, 'w').close()\n" + GOOD
    made = project(tmp_path, code, used=False)
    made.compile()
    assert made.open().catalogue.canonical("nope") is None
    assert made.open().catalogue.providers("nope") == []
    assert not ran.exists()
    project(tmp_path / "used", code).compile()
    assert ran.exists()


def test_a_function_is_called_once_for_a_target(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    body = f"open({str(calls)!r}, 'a').write(target.name + ' ')\n    return [Release(version='1')]"
    workspace = project(tmp_path, RELEASES.format(body=body)).open()
    for _ in range(3):
        loaded, target = workspace.catalogue.recipe("code"), workspace.catalogue.target("cpu").target
        assert [release.version for release in loaded.releases(target)] == ["1"]
    assert calls.read_text() == "cpu "


def test_it_can_be_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NO_PYTHON, "1")
    with pytest.raises(EdgebakeError, match=r"recipe\.py: recipes written in Python are refused"):
        project(tmp_path, GOOD).compile()
    project(tmp_path / "other", GOOD, used=False).compile()
