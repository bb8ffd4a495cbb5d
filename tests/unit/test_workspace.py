"""Opening a project: its file, its folders, its own recipes by path, and its lock."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgebake.errors import EdgebakeError
from edgebake.load.workspace import find_root, open_workspace

if TYPE_CHECKING:
    from conftest import ProjectFolder

PROJECT = "images:\n  app:\n    recipes: [python]\n    targets: [cpu]\n"


def error_of(project: ProjectFolder) -> str:
    with pytest.raises(EdgebakeError) as caught:
        project.open()
    return str(caught.value)


def recipe(name: str, extra: str = "") -> str:
    return f"name: {name}\nsummary: The recipe {name}\n{extra}"


# ── finding the project


def test_the_project_is_found_from_a_folder_inside_of_it(project: ProjectFolder) -> None:
    project.write({"edgebake.yaml": PROJECT, "a/b/file": ""})
    assert find_root(project.root / "a" / "b") == project.root
    assert find_root(project.root) == project.root


def test_the_nearest_project_is_the_one(project: ProjectFolder) -> None:
    project.write({"edgebake.yaml": PROJECT, "inner/edgebake.yaml": PROJECT, "inner/deep/file": ""})
    assert find_root(project.root / "inner" / "deep") == project.root / "inner"


def test_no_project_is_none(project: ProjectFolder) -> None:
    assert find_root(project.root) is None


def test_a_folder_of_the_projects_name_is_no_project(project: ProjectFolder) -> None:
    project.write({"edgebake.yaml/file": ""})
    assert find_root(project.root) is None


def test_no_project_is_told_with_what_to_do(project: ProjectFolder) -> None:
    assert error_of(project) == (
        f"edgebake.yaml not found in {project.root} or above it\n"
        "\n"
        "hint: create a project: edgebake init\n"
        "hint: or name recipes: edgebake plan RECIPE --target TARGET"
    )


def test_no_project_is_fine_where_none_is_needed(project: ProjectFolder) -> None:
    workspace = open_workspace(project.root, builtin=project.builtin, need_project=False)
    assert workspace.document is None
    assert workspace.catalogue.recipe_names() == ["python"]
    assert workspace.at("images") is None


def test_another_suffix_of_the_project_is_told(project: ProjectFolder) -> None:
    project.write({"edgebake.yml": PROJECT})
    assert error_of(project) == (
        "edgebake.yml: the file's name must end in .yaml\n\nhint: rename the file to edgebake.yaml"
    )


def test_a_mistake_in_the_project_is_told_with_its_place(project: ProjectFolder) -> None:
    project.write({"edgebake.yaml": PROJECT + "    tag: x\n"})
    assert error_of(project) == ("edgebake.yaml:5:5: unknown key 'tag' in images.app\n\nhint: did you mean 'tags'?")


# ── folders


def test_folders_default_to_recipes_and_targets_and_need_not_be_there(project: ProjectFolder) -> None:
    workspace = project.write({"edgebake.yaml": PROJECT}).open()
    assert workspace.catalogue.recipe_names() == ["python"]
    project.write({"recipes/own/recipe.yaml": recipe("own")})
    assert project.open().catalogue.recipe_names() == ["own", "python"]


@pytest.mark.parametrize("key", ["recipes", "targets"])
def test_a_folder_that_is_named_must_be_there(project: ProjectFolder, key: str) -> None:
    project.write({"edgebake.yaml": f"{key}:\n  - good\n  - gone\n", "good/file": ""})
    assert error_of(project) == f"edgebake.yaml:3:5: {key}: folder 'gone' not found"


@pytest.mark.parametrize("key", ["recipes", "targets"])
@pytest.mark.parametrize("folder", ["../shared", "/etc"])
def test_a_folder_outside_of_the_project_is_refused(project: ProjectFolder, key: str, folder: str) -> None:
    project.write({"edgebake.yaml": f"{key}: ['{folder}']\n"})
    start = len(key) + 4
    assert error_of(project) == (
        f"edgebake.yaml:1:{start}: {key}[0]: '{folder}' must be a relative path inside the folder, without '..'"
    )


@pytest.mark.parametrize(("key", "content"), [("recipes", "recipes: [recipes]\n"), ("targets", "tag: dev\n")])
def test_a_folder_behind_a_symlink_that_leads_out_is_refused(
    project: ProjectFolder, tmp_path: Path, key: str, content: str
) -> None:
    (tmp_path / "outside").mkdir()
    project.write({"edgebake.yaml": content})
    (project.root / key).symlink_to(tmp_path / "outside")
    message = error_of(project)
    assert f"{key}: '{key}' leads out of the project\n  it is {tmp_path / 'outside'}\n\nhint: keep " in message
    assert message.startswith("edgebake.yaml:1:")


# ── recipes by path


def test_a_recipe_by_path_is_one_of_the_catalogue(project: ProjectFolder) -> None:
    project.write({"edgebake.yaml": PROJECT.replace("[python]", "[./services/web]")})
    project.write({"services/web/recipe.yaml": recipe("front-end")})
    assert project.open().catalogue.recipe("front-end").folder == project.root / "services/web"


def test_the_project_itself_can_be_a_recipe(project: ProjectFolder) -> None:
    project.write({"edgebake.yaml": PROJECT.replace("python", "."), "recipe.yaml": recipe("whole")})
    assert "whole" in project.open().catalogue.recipe_names()


def test_a_recipe_by_path_counts_for_every_image(project: ProjectFolder) -> None:
    project.write(
        {
            "edgebake.yaml": PROJECT + "  later:\n    recipes: [./mine]\n    targets: [cpu]\n",
            "mine/recipe.yaml": recipe("python"),
        }
    )
    # `app`, which comes first, gets the project's own python too.
    assert project.open().catalogue.recipe("python").folder == project.root / "mine"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "../app",
            (
                "edgebake.yaml:3:15: the path '../app' leads out of the project\n"
                "  it is {parent}/app\n"
                "\n"
                "hint: keep the application inside the project's folder, which is the build context"
            ),
        ),
        (
            "./link",
            (
                "edgebake.yaml:3:15: the path './link' leads out of the project\n"
                "  it is {parent}/outside\n"
                "\n"
                "hint: keep the application inside the project's folder, which is the build context"
            ),
        ),
        (
            "./gone",
            (
                "edgebake.yaml:3:15: the folder 'gone' has no recipe\n"
                "\n"
                "hint: add a recipe.yaml, recipe.json or recipe.py"
            ),
        ),
    ],
)
def test_a_path_that_is_no_recipe_of_the_project(
    project: ProjectFolder, tmp_path: Path, path: str, message: str
) -> None:
    for folder in ("app", "outside"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "recipe.yaml").write_text(recipe(folder))
    (project.root / "link").symlink_to(tmp_path / "outside")
    project.write({"edgebake.yaml": PROJECT.replace("python", path)})
    assert error_of(project) == message.format(parent=tmp_path)


# ── the lock

LOCK = '{\n  "version": 2,\n  "bases": {},\n  "images": {}\n}\n'


def test_a_lock_is_read(project: ProjectFolder) -> None:
    project.write({"edgebake.yaml": PROJECT})
    assert project.open().lock is None
    project.write({"edgebake.lock": LOCK})
    lock = project.open().lock
    assert lock is not None
    assert lock.version == 2


ANEW = "delete the file, and run edgebake lock"
MERGE = LOCK.replace('  "bases"', '<<<<<<< HEAD\n  "bases"')


@pytest.mark.parametrize(
    ("content", "where", "reason", "hint"),
    [
        ("", ":1:1", "it is not valid JSON: Expecting value", ANEW),
        (LOCK[:-5], ":4:13", "it is not valid JSON: Expecting value", ANEW),
        (b"\xff", "", "it is not UTF-8", ANEW),
        (LOCK.replace("bases", "base"), "", "unknown key 'base'", ANEW),
        (LOCK.replace('"bases": {}', '"bases": {"A B": {}}'), "", "bases: 'A B' is not an image reference", ANEW),
        (MERGE, ":3:1", "it contains a merge conflict", "keep one side of the conflict, and run edgebake lock"),
    ],
)
def test_a_damaged_lock_is_told(
    project: ProjectFolder, content: str | bytes, where: str, reason: str, hint: str
) -> None:
    project.write({"edgebake.yaml": PROJECT, "edgebake.lock": content})
    assert error_of(project) == f"edgebake.lock{where}: the lock file is damaged\n  {reason}\n\nhint: {hint}"


@pytest.mark.parametrize("content", [LOCK.replace(": 2", ": 1"), LOCK.replace(": 2", ": 3"), "{}"])
def test_a_lock_of_another_version_is_told(project: ProjectFolder, content: str) -> None:
    project.write({"edgebake.yaml": PROJECT, "edgebake.lock": content})
    assert error_of(project) == (
        "edgebake.lock: the lock was written by another version of edgebake\n\n"
        "hint: pin everything again: delete the file, and run edgebake lock"
    )


# ── ad-hoc images


def test_an_ad_hoc_image_is_the_only_one_and_writes_elsewhere(project: ProjectFolder) -> None:
    workspace = project.write({"edgebake.yaml": PROJECT}).open()
    other = workspace.with_image("probe", ["python"], ["cpu"])
    assert list(other.project.images) == ["probe"]
    assert other.project.output == ".edgebake/adhoc/probe"
    assert list(workspace.project.images) == ["app"], "the workspace itself stays as it was"


@pytest.mark.parametrize(
    ("name", "target", "message"),
    [
        ("../evil", "cpu", "--name: '../evil' is not a valid name "),
        ("", "cpu", "--name: '' is not a valid name "),
        ("eb-x", "cpu", "--name: 'eb-x' starts with 'eb-'"),
        ("probe", "a b", "--target: 'a b' is not a target name or pattern"),
    ],
)
def test_a_bad_name_on_the_command_line(project: ProjectFolder, name: str, target: str, message: str) -> None:
    workspace = project.write({"edgebake.yaml": PROJECT}).open()
    with pytest.raises(EdgebakeError) as caught:
        workspace.with_image(name, ["python"], [target])
    assert str(caught.value).startswith(message)
