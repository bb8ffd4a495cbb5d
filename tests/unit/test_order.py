"""The order of an image's install stages: layer, then needs, then name; the same whatever else there is."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebake.errors import EdgebakeError
from edgebake.graph.order import install_order
from edgebake.model.recipe import LAYERS
from edgebake.model.requirement import parse_requirement
from edgebake.resolve.candidates import CandidatePool
from edgebake.resolve.resolution import Resolution, Root, resolve
from integration.projects import AMD64, ARM64, Project, make_project, needs, recipe


def line(tmp_path: Path, catalogue: list[dict[str, Any]], *asked: str) -> list[str]:
    """Return the install order of an image that asks for `asked`."""
    return install_order({"linux/amd64": resolution(make_project(tmp_path, catalogue=catalogue), *asked)})


def resolution(project: Project, *asked: str, platform: str = AMD64) -> Resolution:
    workspace = project.images(image=list(asked)).open()
    pool = CandidatePool(workspace.catalogue, workspace.catalogue.target("cpu").target, platform)
    return resolve(pool, [Root(parse_requirement(text)) for text in asked], what="the test")


def test_layers_come_in_their_fixed_rank(tmp_path: Path) -> None:
    catalogue = [recipe(f"{chr(ord('z') - i)}-{layer}", layer=layer) for i, layer in enumerate(LAYERS)]
    names = [one["name"] for one in catalogue]
    assert line(tmp_path, catalogue, *reversed(names)) == names


def test_within_a_layer_names_decide(tmp_path: Path) -> None:
    assert line(tmp_path, [recipe("b"), recipe("c"), recipe("a")], "c", "b", "a") == ["a", "b", "c"]


def test_what_is_needed_comes_before_what_needs_it(tmp_path: Path) -> None:
    assert line(tmp_path, [needs("a", "z"), recipe("z")], "a") == ["z", "a"]


def test_a_recipe_sinks_to_the_layer_of_what_it_needs(tmp_path: Path) -> None:
    catalogue = [
        needs("driver", "app", layer="system"),
        recipe("app", layer="application"),
        recipe("lib", layer="library"),
    ]
    assert line(tmp_path, catalogue, "driver", "lib") == ["lib", "app", "driver"]


def test_a_chain_against_the_names_stays_a_chain(tmp_path: Path) -> None:
    catalogue = [needs("a", "b"), needs("b", "c"), needs("c", "d"), recipe("d"), recipe("m")]
    assert line(tmp_path, catalogue, "a", "m") == ["d", "c", "b", "a", "m"]


def test_platforms_that_resolve_differently_share_one_line(tmp_path: Path) -> None:
    only_amd64 = recipe("b", releases=[{"version": "1", "when": {"platform": AMD64}}])
    uses_it = recipe(
        "c",
        releases=[
            {"version": "1", "variants": [{"when": {"platform": AMD64}, "requires": ["b"]}, {"requires": ["a"]}]}
        ],
    )
    project = make_project(tmp_path, catalogue=[recipe("a"), only_amd64, uses_it])
    both = {platform: resolution(project, "c", platform=platform) for platform in (AMD64, ARM64)}
    assert [one.installed for one in both.values()] == [("b", "c"), ("a", "c")]
    assert install_order(both) == install_order(dict(reversed(both.items()))) == ["a", "b", "c"]


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_asking_does_not_matter(tmp_path: Path, seed: int) -> None:
    catalogue = [recipe("a", layer="framework"), needs("b", "c"), recipe("c", layer="application"), recipe("d")]
    asked = ["a", "b", "c", "d"]
    random.Random(seed).shuffle(asked)
    random.Random(seed).shuffle(catalogue)
    assert line(tmp_path, catalogue, *asked) == ["a", "d", "c", "b"]


def test_one_more_image_reorders_no_other(tmp_path: Path) -> None:
    catalogue = [recipe("a"), recipe("b"), recipe("c"), recipe("x", layer="system"), needs("y", "a")]
    project = make_project(tmp_path, catalogue=catalogue).images(one=["a", "b", "c"])
    before = lines(project)
    after = lines(project.images(one=["a", "b", "c"], aaa=["c", "x"], zzz=["b", "y"]))
    assert before["one"] == after["one"] == ["a", "b", "c"]
    assert after["aaa"] == ["x", "c"]


def lines(project: Project) -> dict[str, list[str]]:
    return {plan.name: list(plan.line) for plan in project.compile().plans}


EDGES = st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda edge: edge[0] < edge[1]))


@settings(max_examples=25, deadline=None)
@given(
    edges=EDGES, layers=st.lists(st.sampled_from(LAYERS), min_size=8, max_size=8), names=st.permutations("abcdefgh")
)
def test_any_graph_is_ordered_with_needs_first(
    tmp_path_factory: pytest.TempPathFactory, edges: set[tuple[int, int]], layers: tuple[str, ...], names: list[str]
) -> None:
    wanted = {(names[a], names[b]) for a, b in edges}
    catalogue = [
        needs(name, *sorted(a for a, b in wanted if b == name), layer=layer)
        for name, layer in zip(names, layers, strict=True)
    ]
    found = line(tmp_path_factory.mktemp("any"), catalogue, *names)
    assert sorted(found) == sorted(names)
    assert all(found.index(a) < found.index(b) for a, b in wanted)


def test_platforms_that_need_opposite_orders_are_told(tmp_path: Path) -> None:
    one = make_project(tmp_path / "one", catalogue=[needs("a", "b"), recipe("b")])
    two = make_project(tmp_path / "two", catalogue=[needs("b", "a"), recipe("a")])
    resolutions = {AMD64: resolution(one, "a"), ARM64: resolution(two, "b", platform=ARM64)}
    with pytest.raises(EdgebakeError, match="no order fits all platforms of a, b"):
        install_order(resolutions)
