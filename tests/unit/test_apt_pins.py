"""System packages that recipes pin: to one version each, or it is an error before a build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgebake.errors import EdgebakeError
from edgebake.graph.compile import compile_workspace
from edgebake.lock.locker import make_lock
from integration.projects import BOARD, CPU, Project, compiled_recipe, make_project, needs, recipe


def project_of(folder: Path, *recipes: dict[str, Any], **images: Any) -> Project:
    project = make_project(folder, targets=(CPU, BOARD))
    for one in recipes:
        project.recipe(**one)
    return project.images(**(images or {"app": [one["name"] for one in recipes]}))


def message(project: Project) -> str:
    with pytest.raises(EdgebakeError) as caught:
        compile_workspace(project.open())
    return str(caught.value)


def installs(name: str, *apt: str) -> dict[str, Any]:
    return recipe(name, install={"apt": list(apt)})


def test_two_versions_are_an_error_that_names_both_lines(tmp_path: Path) -> None:
    project = project_of(
        tmp_path, installs("a", "curl", "libnvinfer8=8.5.2-1"), installs("b", "libnvinfer8=8.6.1-1")
    )
    assert message(project) == (
        "recipes/a/recipe.json:1:70: image 'app' on cpu: "
        "the system package 'libnvinfer8' is pinned to 2 different versions\n"
        "  a installs libnvinfer8=8.5.2-1 (recipes/a/recipe.json:1:70)\n"
        "  b installs libnvinfer8=8.6.1-1 (recipes/b/recipe.json:1:62)\n"
        "\n"
        "hint: pin it to one version, or pin it in one recipe only"
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("libx=1", "libx=1"),  # the same
        ("libx=1", "libx"),  # any
        ("libx=1", "libx/bookworm"),  # that suite may have it
        ("libx=1", "liby=2"),
        ("libx:armhf=1", "libx=2"),  # another architecture's, next to the own one
    ],
)
def test_what_fits_together_is_none(tmp_path: Path, first: str, second: str) -> None:
    compile_workspace(project_of(tmp_path, installs("a", first), installs("b", second)).open())


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [("libx/bookworm", "libx/trixie", "suites"), ("libx:amd64=1", "libx=2", "versions")],
)
def test_suites_and_the_own_architecture(tmp_path: Path, first: str, second: str, kind: str) -> None:
    assert f"'libx' is pinned to 2 different {kind}" in message(
        project_of(tmp_path, installs("a", first), installs("b", second))
    )


def test_a_release_and_its_recipe(tmp_path: Path) -> None:
    release = {"version": "1", "apt": ["libx=2"]}
    told = message(project_of(tmp_path, recipe("a", install={"apt": ["libx=1"]}, releases=[release])))
    assert "a installs libx=1 (recipes/a/recipe.json:1:" in told
    assert "a installs libx=2 (recipes/a/recipe.json:1:" in told


def test_templates_are_filled_in_first(tmp_path: Path) -> None:
    told = message(project_of(tmp_path, installs("a", "libx=1.{{ python }}"), installs("b", "libx=1.3.10")))
    assert "libx=1.3.11" in told


def test_all_images_and_all_packages_at_once(tmp_path: Path) -> None:
    recipes = (installs("a", "libx=1", "liby=1"), installs("b", "libx=2"), installs("c", "liby=3"))
    project = project_of(tmp_path, *recipes, one=["a", "b"], two=["a", "b"], three=["a", "c"])
    told = message(project)
    assert "image 'one' on cpu and 1 more: the system package 'libx'" in told
    assert "image 'three' on cpu: the system package 'liby'" in told


def test_only_where_both_are_installed(tmp_path: Path) -> None:
    here = {"when": {"family": "cpu"}, "apt": ["libx=1"]}
    there = {"when": {"family": "jetpack"}, "apt": ["libx=2"]}
    parts = recipe("a", releases=[{"version": "1", "variants": [here, there]}])
    compile_workspace(
        project_of(tmp_path, parts, installs("b", "libx=1"), app={"recipes": ["a", "b"], "targets": ["cpu"]}).open()
    )
    project = project_of(
        tmp_path / "other", parts, installs("b", "libx=1"), app={"recipes": ["a", "b"], "targets": ["board-1.0"]}
    )
    assert "image 'app' on board-1.0" in message(project)


def test_what_a_build_stage_is_compiled_against(tmp_path: Path) -> None:
    library = recipe("library", install={"apt": ["libx=1"]}, sysroot={"apt": ["libx-dev=1"]})
    app = compiled_recipe("app", build={"libraries": ["library"], "apt": ["libx-dev=2"]})
    project = project_of(tmp_path, library, app, app=["app"]).write({"recipes/app/build.sh": "make\n"})
    told = message(project)
    assert (
        "the build stage of 'app' on cpu: the system package 'libx-dev' is pinned to 2 different versions" in told
    )
    assert "library installs libx-dev=1" in told


def test_lock_refuses_it_before_it_asks_anybody(tmp_path: Path) -> None:
    project = project_of(tmp_path, installs("a", "libx=1"), needs("b", "a", install={"apt": ["libx=2"]}))
    asked: list[str] = []
    with pytest.raises(EdgebakeError, match="libx"):
        make_lock(project.open(), report=asked.append)
    assert asked == []
