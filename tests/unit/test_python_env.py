"""Which recipe installs which Python package, and when a resolution no longer fits."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebake.graph.compile import plan_images
from edgebake.graph.python_env import PythonEnv, python_env, resolution_inputs
from edgebake.graph.view import RecipeView
from edgebake.model.lock import LockedPackage, LockedPython
from integration.projects import AMD64, ARM64, Project, locked_package, make_project, needs


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = make_project(tmp_path)
    project.recipe(**needs("scipy", "numpy", install={"pip": ["scipy[extra]>=1.10"]}))
    project.recipe(**needs("quiet", "numpy", install={"env": {"A": "1"}}))
    return project.images(app=["scipy", "quiet"])


def views(project: Project, platform: str = AMD64) -> list[RecipeView]:
    workspace = project.open()
    return next(plan for plan in plan_images(workspace) if plan.target.name == "cpu").views_on(platform)


def locked(line: list[RecipeView], *packages: LockedPackage) -> LockedPython:
    return LockedPython(inputs=resolution_inputs(line), packages=packages)


def names(env: PythonEnv) -> dict[str, list[str]]:
    """Return the packages that each recipe installs, without addresses and hashes."""
    return {recipe: [one.splitlines()[1].split(" ")[0] for one in own] for recipe, own in env.requirements.items()}


def test_what_a_recipe_asks_for_is_its_own_with_all_that_it_needs(project: Project) -> None:
    line = views(project)
    env = python_env(
        line,
        locked(
            line,
            locked_package("idna", "3"),
            locked_package("numpy", "2.3.1"),
            locked_package("pooch", "1.8", "idna"),
            locked_package("scipy", "1.16", "numpy", "pooch"),
        ),
    )
    assert env.locked
    assert names(env) == {"numpy": ["numpy==2.3.1"], "scipy": ["idna==3", "pooch==1.8", "scipy==1.16"]}


def test_a_package_that_two_need_belongs_to_the_first_in_the_line(project: Project) -> None:
    line = views(project)
    packages = [
        locked_package("numpy", "2", "six"),
        locked_package("scipy", "1", "six"),
        locked_package("six", "1"),
    ]
    assert names(python_env(line, locked(line, *packages))) == {
        "numpy": ["numpy==2", "six==1"],
        "scipy": ["scipy==1"],
    }


def test_packages_that_need_each_other_end(project: Project) -> None:
    line = views(project)
    packages = [locked_package("numpy", "2", "six"), locked_package("six", "1", "numpy")]
    assert names(python_env(line, locked(line, *packages))) == {"numpy": ["numpy==2", "six==1"]}


def test_no_package_vanishes(project: Project) -> None:
    line = views(project)
    chain = ["scipy", *(f"p{i}" for i in range(10))]
    packages = [locked_package(name, "1", *chain[i + 1 : i + 2]) for i, name in enumerate(chain)]
    env = python_env(line, locked(line, *packages))
    assert sorted(name for own in names(env).values() for name in own) == sorted(f"{name}==1" for name in chain)


def test_a_package_that_nobody_needs_makes_the_lock_stale(project: Project) -> None:
    line = views(project)
    env = python_env(line, locked(line, locked_package("numpy", "2"), locked_package("other", "1")))
    assert env.reason == "the lock is stale (edgebake lock)"


def test_lines_have_addresses_and_hashes(project: Project) -> None:
    line = views(project)
    env = python_env(line, locked(line, locked_package("numpy", "2")))
    address = "https://files.example.org/numpy-2-py3-none-any.whl"
    assert env.requirements["numpy"] == (f"# {address}\nnumpy==2 \\\n    --hash=sha256:{'5' * 64}",)


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
    found = locked(views(project), locked_package("numpy", "2"))
    edit(project)  # type: ignore[operator]
    assert python_env(views(project), found).reason == "the lock is stale (edgebake lock)"


def test_the_platform_is_part_of_the_question(project: Project) -> None:
    found = locked(views(project), locked_package("numpy", "2"))
    assert not python_env(views(project, ARM64), found).locked


def test_a_recipe_without_packages_is_not(project: Project) -> None:
    found = locked(views(project), locked_package("numpy", "2"))
    project.recipe(**needs("quiet", "numpy", install={"env": {"A": "2"}}))
    assert python_env(views(project), found).locked
