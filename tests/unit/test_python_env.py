"""Which recipe installs which Python package, and when a resolution no longer fits."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebake.graph.compile import plan_images
from edgebake.graph.python_env import PythonEnv, python_env, resolution_inputs
from edgebake.graph.view import RecipeView
from edgebake.model.lock import LockedPackage, LockedPython
from integration.projects import AMD64, ARM64, Project, make_project, needs

HASH = "sha256:" + "5" * 64


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = make_project(tmp_path)
    project.recipe(**needs("scipy", "numpy", install={"pip": ["scipy[extra]>=1.10"]}))
    project.recipe(**needs("quiet", "numpy", install={"env": {"A": "1"}}))
    return project.images(app=["scipy", "quiet"])


def views(project: Project, platform: str = AMD64) -> list[RecipeView]:
    workspace = project.open()
    return next(plan for plan in plan_images(workspace) if plan.target.name == "cpu").views_on(platform)


def package(requirement: str, *via: str) -> LockedPackage:
    return LockedPackage(requirement=requirement, hashes=(HASH,), via=via)


def locked(line: list[RecipeView], **packages: LockedPackage) -> LockedPython:
    return LockedPython(inputs=resolution_inputs(line), packages=packages)


def names(env: PythonEnv) -> dict[str, list[str]]:
    """Return the packages that each recipe installs, without hashes."""
    return {recipe: [line.split(" ")[0] for line in lines] for recipe, lines in env.requirements.items()}


def test_what_a_recipe_asks_for_is_its_own_with_all_that_it_needs(project: Project) -> None:
    line = views(project)
    env = python_env(
        line,
        locked(
            line,
            numpy=package("numpy==2.3.1", "recipe:numpy", "scipy"),
            scipy=package("scipy==1.16", "recipe:scipy"),
            pooch=package("pooch==1.8", "scipy"),
            idna=package("idna==3", "pooch"),
        ),
    )
    assert env.locked
    assert names(env) == {"numpy": ["numpy==2.3.1"], "scipy": ["idna==3", "pooch==1.8", "scipy==1.16"]}


def test_a_package_that_two_need_belongs_to_the_first_in_the_line(project: Project) -> None:
    line = views(project)
    shared = package("six==1", "numpy", "scipy")
    env = python_env(
        line,
        locked(
            line, numpy=package("numpy==2", "recipe:numpy"), scipy=package("scipy==1", "recipe:scipy"), six=shared
        ),
    )
    assert names(env) == {"numpy": ["numpy==2", "six==1"], "scipy": ["scipy==1"]}


def test_packages_that_need_each_other_end(project: Project) -> None:
    line = views(project)
    env = python_env(line, locked(line, a=package("a==1", "recipe:numpy", "b"), b=package("b==1", "a")))
    assert names(env) == {"numpy": ["a==1", "b==1"]}


def test_no_package_vanishes(project: Project) -> None:
    line = views(project)
    packages = {f"p{i}": package(f"p{i}==1", *(["recipe:scipy"] if i == 9 else [f"p{i + 1}"])) for i in range(10)}
    env = python_env(line, locked(line, **packages))
    assert sorted(name for own in names(env).values() for name in own) == sorted(f"p{i}==1" for i in range(10))


def test_lines_have_hashes_as_pip_reads_them(project: Project) -> None:
    line = views(project)
    env = python_env(line, locked(line, numpy=package("numpy==2", "recipe:numpy")))
    assert env.requirements["numpy"] == (f"numpy==2 \\\n    --hash={HASH}",)


def test_without_a_lock_everybodys_requirements_are_constraints(project: Project) -> None:
    env = python_env(views(project), None)
    assert env == PythonEnv({}, ("numpy==2.3.1", "scipy>=1.10"), "not locked yet (edgebake lock)")


def test_a_resolution_that_could_not_be_made_says_why(project: Project) -> None:
    line = views(project)
    failed = LockedPython(inputs=resolution_inputs(line), reason="the index cannot be reached")
    assert python_env(line, failed).reason == "the index cannot be reached"


def test_an_image_without_python_packages_needs_no_lock(project: Project) -> None:
    project.images(app=["zlib"])
    env = python_env(views(project), None)
    assert env == PythonEnv({})
    assert env.locked


@pytest.mark.parametrize(
    "edit",
    [
        lambda p: p.recipe(**needs("scipy", "numpy", install={"pip": ["scipy>=1.11"]})),
        lambda p: p.recipe(**needs("scipy", "numpy", install={"pip": ["scipy[extra]>=1.10", "six"]})),
        lambda p: p.recipe(
            **needs("scipy", "numpy", install={"pip": ["scipy[extra]>=1.10"], "pip_index": ["https://example.org"]})
        ),
        lambda p: p.images(app=["numpy"]),
    ],
)
def test_another_question_makes_the_answer_stale(project: Project, edit: object) -> None:
    found = locked(views(project), numpy=package("numpy==2", "recipe:numpy"))
    edit(project)  # type: ignore[operator]
    assert python_env(views(project), found).reason == "the lock is stale (edgebake lock)"


def test_the_platform_is_part_of_the_question(project: Project) -> None:
    found = locked(views(project), numpy=package("numpy==2", "recipe:numpy"))
    assert not python_env(views(project, ARM64), found).locked


def test_a_recipe_without_packages_is_not(project: Project) -> None:
    found = locked(views(project), numpy=package("numpy==2", "recipe:numpy"))
    project.recipe(**needs("quiet", "numpy", install={"env": {"A": "2"}}))
    assert python_env(views(project), found).locked
