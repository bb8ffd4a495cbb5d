"""Waves: what goes into one invocation follows from what is shared, and from nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebake.graph.build_graph import BakeTarget, BuildGraph
from edgebake.plan import waves as module
from edgebake.plan.waves import waves
from integration.projects import Project, make_project, recipe


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two families of images: those named with even numbers share a line, and those with odd ones another."""
    project = make_project(tmp_path)
    for name in ("even", "odd"):
        project.recipe(**recipe(name, layer="framework", env={name.upper(): "1"}))
        project.recipe(**recipe(f"{name}-more", layer="library", requires=[name], env={f"{name.upper()}2": "1"}))
    images = {f"i{number:02}": [("even", "odd")[number % 2] + "-more"] for number in range(12)}
    project.images(**images)
    return project


def grouped(project: Project) -> list[list[str]]:
    graph = project.compiled().compilation.graph
    return [[one.image for one in wave] for wave in waves(graph, shipped(graph), lambda one: one)]


def shipped(graph: BuildGraph) -> list[BakeTarget]:
    return [one for one in graph.bake_targets if not one.is_test]


def test_few_go_together_in_the_order_in_which_they_were_given(project: Project) -> None:
    assert grouped(project) == [[f"i{number:02}" for number in range(12)]]


def test_those_that_share_a_line_go_together(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BAKE_TARGETS", 6)
    even, odd = ([f"i{number:02}" for number in range(first, 12, 2)] for first in (0, 1))
    assert grouped(project) == [even, odd]


def test_no_wave_has_more_bake_targets_than_an_engine_bears(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BAKE_TARGETS", 5)
    sizes = [len(wave) for wave in grouped(project)]
    assert sizes == [5, 5, 2]


def test_no_wave_has_more_stages_unless_one_bake_target_has(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = project.compiled().compilation.graph
    monkeypatch.setattr(module, "MAX_STAGES", 7)
    for wave in waves(graph, shipped(graph), lambda one: one):
        assert len({node.id for one in wave for node in graph.needed_by(one.target, [one.stage])}) <= 7
    monkeypatch.setattr(module, "MAX_STAGES", 1)
    assert {len(wave) for wave in grouped(project)} == {1}


def test_each_is_in_exactly_one_wave(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BAKE_TARGETS", 5)
    found = [name for wave in grouped(project) for name in wave]
    assert sorted(found) == [f"i{number:02}" for number in range(12)]


def test_nothing_is_no_wave(project: Project) -> None:
    assert waves(project.compiled().compilation.graph, [], lambda one: one) == []
