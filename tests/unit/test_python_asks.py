"""What recipes ask of pip takes part in choosing the releases of the recipes that have these packages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgebake.errors import EdgebakeError
from edgebake.graph.compile import plan_images
from integration.projects import AMD64, Project, make_project, needs

NUMPY = needs(
    "numpy",
    "python",
    install={"pip": ["numpy=={{ version }}"]},
    releases=[{"version": version} for version in ("2.4.6", "2.2.6", "1.26.4")],
)
TORCH = needs(
    "pytorch",
    "python",
    aliases=["torch"],
    releases=[
        {"version": "2.9.1", "variants": [{"pip": ["torch==2.9.1"]}]},
        {"version": "2.8.0", "variants": [{"pip": ["torch @ https://example.org/torch-2.8.0-py3-none-any.whl"]}]},
    ],
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = make_project(tmp_path)
    project.recipe(**NUMPY)
    project.recipe(**TORCH)
    return project


def chosen(project: Project, name: str) -> str:
    (plan,) = plan_images(project.open())
    return plan.resolutions[AMD64].pins[name].release.version


def asking(project: Project, *pip: str, **fields: Any) -> Project:
    project.recipe(**needs("x", "python", install={"pip": list(pip)}, **fields))
    return project.images(app=["x", "numpy", "pytorch"])


@pytest.mark.parametrize(
    ("asked", "version"),
    [
        ("numpy", "2.4.6"),
        ("numpy>=1", "2.4.6"),
        ("numpy<2.4", "2.2.6"),
        ("numpy<2", "1.26.4"),
        ("numpy>=1.20,<2.3", "2.2.6"),
        ("numpy~=2.2.0", "2.2.6"),
        ("numpy==2.2.*", "2.2.6"),
        ("numpy!=2.4.6", "2.2.6"),
        ("NumPy[extra]<2", "1.26.4"),
        ("numpy<2; python_version < '3'", "2.4.6"),
        ("numpy @ https://example.org/numpy-1-py3-none-any.whl", "2.4.6"),
    ],
)
def test_a_release_is_chosen_that_the_requirement_takes(project: Project, asked: str, version: str) -> None:
    assert chosen(asking(project, asked), "numpy") == version


def test_a_package_is_found_under_the_alias_of_its_recipe(project: Project) -> None:
    assert chosen(asking(project, "torch<2.9"), "pytorch") == "2.8.0"


def test_a_releases_own_requirements_count(project: Project) -> None:
    project.recipe(**needs("x", "python", releases=[{"version": "2", "pip": ["numpy<1"]}, {"version": "1"}]))
    project.images(app=["x", "numpy"])
    assert (chosen(project, "x"), chosen(project, "numpy")) == ("1", "2.4.6")


def test_a_recipe_that_is_not_in_the_image_stays_out(project: Project) -> None:
    asking(project, "numpy<2").images(app=["x"])
    (plan,) = plan_images(project.open())
    assert "numpy" not in plan.resolutions[AMD64].pins


def test_a_conflict_names_who_asked_for_what(project: Project) -> None:
    asking(project, "numpy<1")
    with pytest.raises(EdgebakeError) as caught:
        plan_images(project.open())
    assert "x cannot be in one image with numpy>=1 (it asks pip for numpy<1)" in str(caught.value)
    assert "recipes/x/recipe.json:1:" in str(caught.value)


def test_the_conflicts_of_all_images_are_reported_together(project: Project) -> None:
    asking(project, "numpy<1").images(one=["x", "numpy"], two=["numpy:3"], good=["numpy"])
    with pytest.raises(EdgebakeError) as caught:
        project.compile()
    assert "image 'one'" in str(caught.value)
    assert "image 'two'" in str(caught.value)
    assert "good" not in str(caught.value)
