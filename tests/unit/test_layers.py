"""A line longer than an engine takes copies in fewer layers; one that still is too long is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edgebake.errors import EdgebakeError
from edgebake.graph.inputs import Input
from edgebake.graph.layers import MAX_LAYERS, layer_count
from edgebake.graph.ops import Copy

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
from projects import make_project, recipe


def copying(tmp_path: Path, number: int, **more: object):  # type: ignore[no-untyped-def]
    """Return a project whose image has `number` recipes, each with a file and a script of its own."""
    recipes = [recipe(f"r{i:03}", install={"files": {"data": f"/data/{i:03}"}, **more}) for i in range(number)]
    project = make_project(tmp_path)
    for one in recipes:
        project.recipe(**one)
    project.write({f"recipes/r{i:03}/data": str(i) for i in range(number)})
    project.write({f"recipes/r{i:03}/run.sh": "true\n" for i in range(number)})
    return project.images(app=[r["name"] for r in recipes])


def line(project):  # type: ignore[no-untyped-def]
    return [node for node in project.compiled().compilation.graph if node.kind == "install"]


def test_a_line_within_the_limit_copies_each_recipes_files_in_its_own_stage(tmp_path: Path) -> None:
    nodes = line(copying(tmp_path, 90))
    assert layer_count(node.bodies for node in nodes) == 90
    assert all([type(op) for op in body.ops] == [Copy] for node in nodes for body in node.bodies.values())
    assert all(not body.ops.references for node in nodes for body in node.bodies.values())


def test_a_longer_line_copies_what_neighbours_bring_in_one_layer(tmp_path: Path) -> None:
    project = copying(tmp_path, 120)
    nodes = line(project)
    assert len(nodes) == 120
    assert layer_count(node.bodies for node in nodes) == 15
    gathered = [n for n in project.compiled().compilation.graph if n.label.endswith("-gathered")]
    copies = [op for node in gathered for op in node.bodies["linux/amd64"].ops if isinstance(op, Copy)]
    named = sorted((source.name, op.dest) for op in copies for source in op.sources if isinstance(source, Input))
    assert named == [(f"recipes/r{i:03}/data", f"/data/{i:03}") for i in range(120)]


def test_scripts_stay_in_the_stages_of_their_recipes(tmp_path: Path) -> None:
    nodes = line(copying(tmp_path, 60, script="run.sh"))
    assert layer_count(node.bodies for node in nodes) == 60 + 8
    assert all(body.runs for node in nodes for body in node.bodies.values())


def test_an_image_that_no_engine_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EdgebakeError, match=r"image 'app' would have 113 layers") as caught:
        copying(tmp_path, MAX_LAYERS + 5, script="run.sh").compiled()
    assert "127" in str(caught.value)
