"""Why a recipe is in an image: paths, the release, and what ruled out the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgebake.cli.console import render
from edgebake.cli.format.why import text
from edgebake.errors import EdgebakeError
from edgebake.inspect.selected import resolve_selected
from edgebake.inspect.why import Answer, answers, hints, recipe_name
from edgebake.model.request import Request
from integration.projects import CATALOGUE, Project, make_project, needs, recipe


def versions(name: str, *releases: Any, **fields: Any) -> dict[str, Any]:
    """Return a recipe with releases, each a version or a whole release."""
    whole = [one if isinstance(one, dict) else {"version": one} for one in releases]
    return recipe(name, releases=whole, **fields)


def why(project: Project, name: str, *, limit: int | None = None, **selection: Any) -> list[Answer]:
    workspace = project.open()
    selected = resolve_selected(workspace, Request(**selection))
    return answers(selected, recipe_name(workspace.catalogue, name), limit=limit)


def why_text(answer: Answer) -> str:
    return "\n".join(map(render, text([answer])))


def told_paths(answer: Answer) -> list[str]:
    return [" → ".join(str(step.asks[0].requirement) for step in path) for path in answer.paths]


@pytest.fixture
def diamond(tmp_path: Path) -> Project:
    """app → left, right; both → lib, with releases 1.0, 2.0 and 3.0; left wants one below 3."""
    own = [
        versions("lib", "1.0", {"version": "2.0"}, "3.0", {"version": "4.0", "when": {"cuda": ">=12"}}),
        needs("left", "lib<3"),
        needs("right", "lib>=1"),
    ]
    project = make_project(tmp_path, catalogue=[*CATALOGUE, *own])
    return project.images(app=["left", "right"])


def test_every_path_is_told_shortest_first_with_the_place_of_each_requirement(diamond: Project) -> None:
    (answer,) = why(diamond, "lib")
    assert (answer.status, answer.path_count) == ("installed", 2)
    assert told_paths(answer) == ["left → lib<3", "right → lib>=1"]
    first, second = answer.paths[0]
    assert str(first.asks[0].at).startswith("edgebake.yaml:1:")
    assert str(second.asks[0].at).endswith("recipes/left/recipe.json:1:61")


def test_a_narrowed_release_names_who_narrowed_it_and_what_the_target_ruled_out(diamond: Project) -> None:
    (answer,) = why(diamond, "lib")
    assert answer.choice is not None
    assert (answer.choice.version, answer.choice.reason) == ("2.0", "narrowed")
    assert "left needs lib<3" in answer.choice.why
    assert [(one.version, one.kind) for one in answer.choice.others] == [
        ("4.0", "target"),
        ("3.0", "requirement"),
        ("1.0", "order"),
    ]
    assert answer.choice.others[0].why == "needs cuda >=12 (the target has none)"


@pytest.mark.parametrize(
    ("releases", "asked", "reason", "version"),
    [
        (["1.0", "2.0"], "lib", "newest", "2.0"),
        (
            ["1.0", {"version": "2.0", "when": {"cuda": "none"}}, {"version": "3.0", "when": {"sm": "87"}}],
            "lib",
            "newest",
            "2.0",
        ),
        ([{"version": "1.0", "default": "true"}, "2.0"], "lib", "default", "1.0"),
        (["1.0"], "lib", "only", "1.0"),
        (["1.0", "2.0"], "lib:1.0", "narrowed", "1.0"),
        (["1.0", "2.0rc1"], "lib", "newest", "1.0"),
    ],
)
def test_the_reason_of_a_release(
    tmp_path: Path, releases: list[Any], asked: str, reason: str, version: str
) -> None:
    project = make_project(tmp_path, catalogue=[*CATALOGUE, versions("lib", *releases)]).images(app=[asked])
    (answer,) = why(project, "lib")
    assert answer.choice is not None
    assert (answer.choice.reason, answer.choice.version) == (reason, version)


def test_a_release_that_the_lock_has(tmp_path: Path) -> None:
    project = make_project(tmp_path, catalogue=[*CATALOGUE, versions("lib", "1.0")]).images(app=["lib"])
    project.lock()
    project.recipe(**versions("lib", "1.0", "2.0"))
    (answer,) = why(project, "lib")
    assert answer.choice is not None
    assert (answer.choice.version, answer.choice.reason) == ("1.0", "locked")


def test_a_release_whose_own_needs_do_not_fit(tmp_path: Path) -> None:
    own = [
        versions("lib", "1.0", {"version": "2.0", "requires": ["base>=2"]}),
        versions("base", "1.0", "2.0"),
    ]
    project = make_project(tmp_path, catalogue=[*CATALOGUE, *own]).images(app=["lib", "base:1.0"])
    (answer,) = why(project, "lib")
    assert answer.choice is not None
    (other,) = answer.choice.others
    assert (answer.choice.version, answer.choice.reason, other.kind) == ("1.0", "fitting", "needs")
    assert other.why == "lib 2.0 needs base>=2, and the image has base 1.0"


def test_the_python_of_the_target_and_a_recipe_without_releases(tmp_path: Path) -> None:
    project = make_project(tmp_path).images(app=["numpy"])
    (python,) = why(project, "python")
    (numpy,) = why(project, "numpy")
    assert python.choice is not None
    assert numpy.choice is not None
    assert (python.choice.reason, python.choice.why) == ("target", "what cpu has")
    assert numpy.choice.reason == "unversioned"


def test_what_the_base_image_brings_has_paths_and_no_release(tmp_path: Path) -> None:
    target = {
        "name": "gpu", "family": "cuda", "summary": "A GPU", "platforms": ["linux/amd64"], "os": "ubuntu:22.04",
        "base": {"image": "ubuntu:22.04", "provides": ["cuda"]}, "cuda": "12.6", "cuda_flavour": "x86",
        "python": "3.10", "tag_suffix": "gpu",
    }  # fmt: skip
    project = make_project(tmp_path, catalogue=[*CATALOGUE, needs("net", "cuda>=12")], targets=[target])
    project.images(app={"recipes": ["net"], "targets": ["gpu"]})
    (answer,) = why(project, "cuda")
    assert (answer.status, answer.brought, answer.choice) == ("provided", "12.6, in the base image", None)
    assert told_paths(answer) == ["net → cuda>=12"]
    project.images(app={"recipes": ["python"], "targets": ["gpu"]})
    (answer,) = why(project, "cuda")
    assert (answer.status, answer.brought, answer.path_count) == ("provided", "12.6, in the base image", 0)
    assert why_text(answer).endswith("no recipe of the image requires it")


def test_a_name_that_a_recipe_provides_is_told_as_that_recipe(tmp_path: Path) -> None:
    own = [recipe("openblas", provides=["blas"]), needs("net", "blas")]
    project = make_project(tmp_path, catalogue=[*CATALOGUE, *own]).images(app=["net"])
    (answer,) = why(project, "blas")
    assert (answer.name, answer.status) == ("openblas", "installed")
    assert "└─ blas (provided by openblas)" in why_text(answer)


def test_what_is_only_compiled_against_is_not_installed(tmp_path: Path) -> None:
    from integration.projects import compiled_recipe

    own = compiled_recipe("net", build={"libraries": ["zlib"]})
    project = make_project(tmp_path, catalogue=[*CATALOGUE, own]).images(app=["net"])
    project.builtin.joinpath("recipes/net/build.sh").write_text("make\n")
    (answer,) = why(project, "zlib")
    assert answer.status == "library"
    assert "zlib (compiled against)" in why_text(answer)
    (tool,) = why(project, "compiler")
    assert (tool.status, tool.notes) == ("absent", ("net is built with it, outside the image",))


def test_what_is_not_there_says_what_would_bring_it(diamond: Project) -> None:
    diamond.images(app=["python"])
    found = why(diamond, "lib")
    assert [(one.status, one.bringers) for one in found] == [("absent", ("left", "right"))]
    assert hints(found, "lib", in_project=True) == [
        "add 'lib' to `recipes` of the image 'app'",
        "recipes that require it: left, right",
    ]
    assert hints(found, "lib", in_project=False) == ["recipes that require it: left, right"]


def test_what_cannot_be_there_says_why_and_gives_no_hint(tmp_path: Path) -> None:
    own = versions("lib", {"version": "1.0", "when": {"cuda": ">=12"}})
    project = make_project(tmp_path, catalogue=[*CATALOGUE, own]).images(app=["python"])
    (answer,) = found = why(project, "lib")
    assert answer.notes == ("lib 1.0 is not available there: it needs cuda >=12 (the target has none)",)
    assert hints(found, "lib", in_project=True) == []


def test_platforms_with_one_answer_are_told_together(tmp_path: Path) -> None:
    own = versions("lib", "1.0", {"version": "2.0", "when": {"platform": "linux/arm64"}})
    project = make_project(tmp_path, catalogue=[*CATALOGUE, own]).images(app=["lib"], other=["python"])
    assert [one.platforms for one in why(project, "lib", names=("app",))] == [("linux/amd64",), ("linux/arm64",)]
    (python,) = why(project, "python", names=("other",))
    assert python.platforms == ("linux/amd64", "linux/arm64")
    (arm,) = why(project, "lib", names=("app",), platforms=("linux/arm64",))
    assert arm.choice is not None
    assert arm.choice.version == "2.0"


def test_very_many_paths_are_counted_and_a_few_are_told(tmp_path: Path) -> None:
    layers = 20
    own = [recipe("x0")]
    for number in range(1, layers + 1):
        below = [f"x{number - 1}"] if number == 1 else [f"a{number - 1}", f"b{number - 1}"]
        own += [needs(f"{side}{number}", *below) for side in "ab"]
    project = make_project(tmp_path, catalogue=[*CATALOGUE, *own]).images(app=[f"a{layers}", f"b{layers}"])
    (answer,) = why(project, "x0", limit=3)
    assert answer.path_count == 2**layers
    assert len(answer.paths) == 3
    assert "… and 1048573 longer paths (--paths 0 shows all)" in why_text(answer)


def test_an_unknown_name_and_one_with_a_version_are_refused(diamond: Project) -> None:
    with pytest.raises(EdgebakeError, match="unknown recipe 'lip'") as caught:
        why(diamond, "lip")
    assert caught.value.hints == ("did you mean 'lib'?",)
    with pytest.raises(EdgebakeError, match="names a release"):
        why(diamond, "lib>=2")
