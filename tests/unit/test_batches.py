"""Batches: what goes into one invocation follows from Buildx, from the options, and from what is shared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from edgebake.execute import batches as module
from edgebake.execute.batches import batches
from edgebake.execute.buildx import Buildx
from edgebake.graph.build_graph import BuildGraph
from edgebake.plan.steps import Bake, BakeItem
from integration.projects import AMD64, Project, make_project, recipe

NEW, OLD = Buildx("0.38.2", jobs=True), Buildx("0.29.1", jobs=False)
NAMES = [f"i{number:02}" for number in range(12)]


@pytest.fixture
def graph(tmp_path: Path) -> BuildGraph:
    """Two families of images: those named with even numbers share a line, and those with odd ones another."""
    project: Project = make_project(tmp_path).write({"recipes/even/test.sh": "true\n"})
    for name in ("even", "odd"):
        test = {"test": {"script": "test.sh"}} if name == "even" else {}
        project.recipe(**recipe(name, layer="framework", env={name.upper(): "1"}, **test))
        project.recipe(**recipe(f"{name}-more", layer="library", requires=[name], env={f"{name.upper()}2": "1"}))
    project.images(**{name: [("even", "odd")[int(name[1:]) % 2] + "-more"] for name in NAMES})
    return project.compiled().compilation.graph


def step_of(graph: BuildGraph, *, tests: bool = False) -> Bake:
    items = [BakeItem(bake_target, (AMD64,)) for bake_target in graph.bake_targets]
    images = tuple(item for item in items if not item.bake_target.is_test)
    return Bake(images, "push", tuple(item for item in items if item.bake_target.is_test) if tests else ())


def names_of(items: Sequence[BakeItem]) -> list[str]:
    return [item.bake_target.name.removesuffix("-cpu") for item in items]


TESTS = [f"{name}-cpu-test" for name in NAMES[::2]]


def grouped(
    graph: BuildGraph, buildx: Buildx, *, tests: bool = False, **options: bool
) -> list[tuple[list[str], str]]:
    return [
        (names_of(one.items), one.jobs) for one in batches(graph, step_of(graph, tests=tests), buildx, **options)
    ]


def test_all_images_are_one_invocation(graph: BuildGraph) -> None:
    assert grouped(graph, NEW) == [(NAMES, "parallel=50")]
    assert grouped(graph, OLD) == [(NAMES, "")]


def test_nothing_is_handed_over_before_all_tests_have_passed(
    graph: BuildGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert grouped(graph, NEW, tests=True) == [([*TESTS, *NAMES], "defer-output,parallel=50")]
    assert grouped(graph, NEW, tests=True, tests_first=True) == [(TESTS, "parallel=50"), (NAMES, "parallel=50")]
    assert grouped(graph, OLD, tests=True) == [(TESTS, ""), (NAMES, "")]
    # Buildx cannot withhold the results of more than it builds at once.
    monkeypatch.setattr(module, "AT_ONCE", 17)
    assert grouped(graph, NEW, tests=True) == [(TESTS, "parallel=17"), (NAMES, "parallel=17")]


def test_to_keep_going_images_follow_their_tests(graph: BuildGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = "defer-error,parallel=50"
    assert grouped(graph, NEW, tests=True, keep_going=True) == [(TESTS, jobs), (NAMES, jobs)]
    monkeypatch.setattr(module, "AT_ONCE", 6)
    jobs = "defer-error,parallel=6"
    assert grouped(graph, NEW, keep_going=True) == [(NAMES[::2], jobs), (NAMES[1::2], jobs)]


def waves(graph: BuildGraph) -> list[list[str]]:
    return [names for names, _ in grouped(graph, OLD)]


def test_those_that_share_a_line_go_together(graph: BuildGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 6)
    assert waves(graph) == [NAMES[::2], NAMES[1::2]]


def test_no_wave_has_more_bake_targets_than_an_engine_bears(
    graph: BuildGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 5)
    assert [len(wave) for wave in waves(graph)] == [5, 5, 2]
    assert sorted(name for wave in waves(graph) for name in wave) == NAMES


def test_no_wave_has_more_stages_unless_one_bake_target_has(
    graph: BuildGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_STAGES", 7)
    for batch in batches(graph, step_of(graph), OLD):
        targets = [item.bake_target for item in batch.items]
        assert len({node.id for one in targets for node in graph.needed_by(one.target, [one.stage])}) <= 7
    monkeypatch.setattr(module, "MAX_STAGES", 1)
    assert {len(wave) for wave in waves(graph)} == {1}


def test_nothing_is_no_batch(graph: BuildGraph) -> None:
    for buildx in (NEW, OLD):
        assert list(batches(graph, Bake((), "cache"), buildx)) == []
