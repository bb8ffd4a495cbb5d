"""Paths that two recipes, or two entries of one, write: an error before a build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgebake.errors import EdgebakeError
from edgebake.render.shared_paths import normalised, refuse_shared_paths
from integration.projects import Project, compiled_recipe, make_project, recipe


def project_of(folder: Path, *recipes: dict[str, Any], files: dict[str, str] | None = None) -> Project:
    project = make_project(folder)
    for one in recipes:
        project.recipe(**one)
    written = {f"recipes/{path}": text for path, text in (files or {}).items()}
    return project.write(written).images(app=[one["name"] for one in recipes])


def refused(project: Project) -> str:
    with pytest.raises(EdgebakeError) as caught:
        project.compiled()
    return str(caught.value)


def copies(name: str, **files: str) -> dict[str, Any]:
    return recipe(name, install={"files": files})


def test_one_path_of_two_recipes(tmp_path: Path) -> None:
    project = project_of(
        tmp_path,
        copies("a", conf="/etc/app.conf"),
        copies("b", other="/etc/./app.conf"),
        files={"a/conf": "1", "b/other": "2"},
    )
    assert refused(project) == (
        "recipes/b/recipe.json:1:73: image 'app' on cpu: /etc/app.conf is written twice\n"
        "  a copies recipes/a/conf (recipes/a/recipe.json:1:72)\n"
        "  b copies recipes/b/other (recipes/b/recipe.json:1:73)\n"
        "\n"
        "hint: give one of them another path, or keep it in one recipe only"
    )


CLASHES = [
    # two files of one recipe
    ({"a": {"x": "/p", "y": "//p"}}, {"a/x": "", "a/y": ""}, "/p is written twice"),
    # a destination that ends with / is a folder
    ({"a": {"x": "/etc/"}, "b": {"y": "/etc/x"}}, {"a/x": "", "b/y": ""}, "/etc/x is written twice"),
    # a file inside a folder's contents
    ({"a": {"d": "/opt"}, "b": {"y": "/opt/s/x"}}, {"a/d/s/x": "", "b/y": ""}, "/opt/s/x is written twice"),
    # two folders' contents
    ({"a": {"d": "/opt"}, "b": {"e": "/opt/"}}, {"a/d/s/x": "", "b/e/s/x": ""}, "/opt/s/x is written twice"),
    ({"a": {"d": "/opt"}, "b": {"e": "/opt/s"}}, {"a/d/s/x": "", "b/e/x": ""}, "/opt/s/x is written twice"),
    # a file where another has a folder
    ({"a": {"x": "/opt/s"}, "b": {"y": "/opt/s/z"}}, {"a/x": "", "b/y": ""}, "/opt/s would be a file and a folder"),
    ({"a": {"x": "/opt/s"}, "b": {"e": "/opt/s"}}, {"a/x": "", "b/e/z": ""}, "/opt/s would be a file and a folder"),
    ({"a": {"d": "/opt"}, "b": {"y": "/opt/s"}}, {"a/d/s/x": "", "b/y": ""}, "/opt/s would be a file and a folder"),
    ({"a": {"d": "/opt"}, "b": {"e": "/opt"}}, {"a/d/s": "", "b/e/s/x": ""}, "/opt/s would be a file and a folder"),
]


@pytest.mark.parametrize(("recipes", "files", "told"), CLASHES)
def test_files_and_folders(
    tmp_path: Path, recipes: dict[str, dict[str, str]], files: dict[str, str], told: str
) -> None:
    project = project_of(tmp_path, *(copies(name, **entries) for name, entries in recipes.items()), files=files)
    assert told in refused(project)


def test_neighbours_are_no_mistake(tmp_path: Path) -> None:
    project = project_of(
        tmp_path,
        copies("a", d="/opt", x="/etc/a"),
        copies("b", e="/opt", y="/etc/ab"),
        files={"a/d/s/x": "", "a/d/x": "", "a/x": "", "b/e/s/y": "", "b/y": ""},
    )
    project.compiled()


def test_what_is_not_sent_is_not_written(tmp_path: Path) -> None:
    project = project_of(
        tmp_path,
        copies("a", d="/opt"),
        copies("b", e="/opt"),
        files={"a/d/x": "", "a/d/notes.md": "", "b/e/y": "", "b/e/notes.md": "", "b/.dockerignore": "**/*.md\n"},
    )
    project.compiled()


def test_a_file_in_the_way_of_what_is_built(tmp_path: Path) -> None:
    built = compiled_recipe("a")
    built["install"] = {"artifacts": {"/out": "/opt/tool"}}
    project = project_of(tmp_path, built, copies("b", x="/opt/tool"), files={"a/build.sh": "make\n", "b/x": ""})
    assert "/opt/tool would be a file and a folder\n  a copies /out of its build stage" in refused(project)


def test_what_is_built_shares_folders(tmp_path: Path) -> None:
    scripts = {"a/build.sh": "make\n", "b/build.sh": "make\n", "c/x": ""}
    project = project_of(
        tmp_path, compiled_recipe("a"), compiled_recipe("b"), copies("c", x="/usr/local/bin/x"), files=scripts
    )
    project.compiled()


@pytest.mark.parametrize(("first", "second"), [("A", "./A"), ("A", "A/"), ("d/A", "d//A"), ("d/A", "d/./A")])
def test_one_file_under_two_names(tmp_path: Path, first: str, second: str) -> None:
    project = project_of(tmp_path, copies("a", **{first: "/x", second: "/y"}), files={"a/A": "", "a/d/A": ""})
    assert f"{second!r} and {first!r} are the same path" in refused(project)


def test_one_result_under_two_names(tmp_path: Path) -> None:
    built = compiled_recipe("a")
    built["install"] = {"artifacts": {"/out": "/opt/a", "/out/": "/opt/b"}}
    project = project_of(tmp_path, built, files={"a/build.sh": "make\n"})
    assert "'/out/' and '/out' are the same path" in refused(project)


def test_all_images_at_once(tmp_path: Path) -> None:
    project = project_of(tmp_path, copies("a", x="/p"), copies("b", x="/p"), files={"a/x": "", "b/x": ""})
    project.images(one=["a", "b"], two=["b", "a"])
    assert "image 'one' on cpu and 1 more: /p is written twice" in refused(project)


@pytest.mark.parametrize(
    ("path", "short"), [("/a/./b", "/a/b"), ("//a//b/", "/a/b"), ("/", "/"), ("//", "/"), ("/./a", "/a")]
)
def test_short_paths(path: str, short: str) -> None:
    assert normalised(path) == short


def test_the_check_reads_only_folders_that_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = project_of(
        tmp_path, copies("a", d="/opt/a"), copies("b", e="/opt/b"), files={"a/d/x": "", "b/e/x": ""}
    )
    compilation = project.compiled().compilation
    monkeypatch.setattr("edgebake.render.shared_paths.list_files", None)
    refuse_shared_paths(compilation)
