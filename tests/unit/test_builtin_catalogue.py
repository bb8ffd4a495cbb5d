"""The built-in catalogue: each recipe compiles on each target that it has a release for, or says why not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgebake.errors import EdgebakeError
from edgebake.graph.compile import compile_workspace
from edgebake.graph.target_recipes import TargetRecipes
from edgebake.load.workspace import Workspace, open_workspace
from edgebake.model.requirement import parse_requirement
from edgebake.resolve.candidates import CandidatePool
from edgebake.resolve.resolution import Root, resolve


def workspace(root: Path) -> Workspace:
    return open_workspace(root, need_project=False)


CATALOGUE = workspace(Path(__file__).parent).catalogue
PAIRS = [(recipe, target) for recipe in CATALOGUE.recipe_names() for target in CATALOGUE.target_names()]


@pytest.mark.parametrize(("recipe", "target"), PAIRS)
def test_a_recipe_compiles_where_it_has_a_release_or_says_why_not(recipe: str, target: str, tmp_path: Path) -> None:
    profile = CATALOGUE.target(target).target
    has_release = any(CandidatePool(CATALOGUE, profile, p).candidates(recipe) for p in profile.platforms)
    try:
        compiled = compile_workspace(workspace(tmp_path).with_image("one", [recipe], [target]))
    except EdgebakeError as error:
        assert not has_release or error.reason, f"{recipe} on {target}: {error}"
        assert target in str(error)
        return
    assert has_release
    assert [bake_target.target for bake_target in compiled.graph.bake_targets if not bake_target.is_test] == [
        target
    ]


@pytest.mark.parametrize("recipe", CATALOGUE.recipe_names())
def test_a_recipe_says_what_it_is_where_its_facts_come_from_and_has_a_test(recipe: str) -> None:
    loaded = CATALOGUE.recipe(recipe).recipe
    assert loaded.summary
    assert loaded.homepage
    assert loaded.license
    assert loaded.sources
    assert loaded.test is not None


@pytest.mark.parametrize("target", CATALOGUE.target_names())
def test_a_target_names_its_sources(target: str) -> None:
    assert CATALOGUE.target(target).target.sources


@pytest.mark.parametrize(("target", "python"), [("cpu", "3.13"), ("cuda-12.8", "3.11"), ("jetpack-6.2", "3.12")])
def test_beside_another_python_no_recipe_installs_packages_for_the_distributions(target: str, python: str) -> None:
    profile = CATALOGUE.target(target).target
    recipes = TargetRecipes(CATALOGUE, profile).on(profile.with_python(python))
    pool = recipes.pool(profile.platforms[-1])
    found, tried = {}, 0
    for name in CATALOGUE.recipe_names():
        roots = [Root(parse_requirement(text)) for text in (f"python:{python}", name)]
        try:
            resolution = resolve(pool, roots, what=name)
        except EdgebakeError:
            continue
        tried += 1
        apt = {
            package
            for one in resolution.installed
            for package in recipes.view(resolution.pins[one], pool.platform).apt
        }
        found[name] = {package for package in apt if re.match(r"python3(\.[0-9]|$|-(?!dev$))", package)}
    assert tried > 20
    assert {name: packages for name, packages in found.items() if packages} == {}
