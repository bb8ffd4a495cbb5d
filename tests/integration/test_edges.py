"""The graph is a networkx one, and its edges are what the written Dockerfiles refer to.

The Dockerfiles are read back by a small parser of their own: it knows Docker's words, and nothing of edgebake.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

from edgebake.graph.compile import Compilation
from edgebake.graph.names import arch
from edgebake.lint.subject import recipes_subject
from edgebake.load.workspace import open_workspace
from edgebake.pipeline import Compiled, compile_files
from edgebake.render.dockerfile import render_dockerfile
from edgebake.templating.templates import project_templates
from integration.projects import Project, make_project, recipe
from integration.test_golden import NAMES, golden_project

EXAMPLES = Path(__file__).parents[2] / "examples"

Edges = set[tuple[str, str]]


def instructions(dockerfile: str) -> Iterator[str]:
    """Yield the instructions of a Dockerfile, continued lines joined; without comments, and without heredocs' text."""
    lines = iter(re.sub(r"\\\n\s*", "", re.sub(r"^\s*#.*\n", "", dockerfile, flags=re.M)).splitlines())
    for line in lines:
        if line.strip():
            yield line
            for end in re.findall(r"<<-?(\w+)", line):
                while next(lines) != end:
                    pass


def references(dockerfile: str) -> tuple[list[str], Edges]:
    """Return the stages of a Dockerfile, and the pairs of which the second is made from the first."""
    stages: list[str] = []
    edges: Edges = set()
    for line in instructions(dockerfile):
        word, rest = line.split(maxsplit=1)
        if word == "FROM":
            source, name = re.fullmatch(r"(?:--platform=\S+ )?(\S+) AS (\S+)", rest).groups()  # type: ignore[union-attr]
            stages.append(name)
            edges.add((source, name))
        if word == "COPY":
            edges |= {(found, stages[-1]) for found in re.findall(r"--from=(\S+)", rest)}
        if word == "RUN":
            mounts = re.findall(r"--mount=(\S+)", rest)
            edges |= {(found, stages[-1]) for mount in mounts for found in re.findall(r"\bfrom=([^,]+)", mount)}
    return stages, {edge for edge in edges if edge[0] in stages or "${TARGETARCH}" in edge[0]}


def written(compilation: Compilation, target: str, dockerfile: str) -> tuple[set[str], Edges]:
    """Return a Dockerfile's stages and edges as the graph has them: several stages for platforms are one."""
    names = compilation.names[target]
    nodes = {name: node for node, name in names.items()}
    for node in compilation.graph.of_target(target):
        if not node.uniform:
            nodes |= {f"{names[node.id]}-{arch(platform)}": node.id for platform in node.platforms}
            nodes[f"{names[node.id]}-${{TARGETARCH}}"] = node.id
    stages, edges = references(dockerfile)
    found = {(nodes[first], nodes[second]) for first, second in edges}
    return {nodes[stage] for stage in stages}, {edge for edge in found if edge[0] != edge[1]}


def check(compilation: Compilation, target: str, dockerfile: str) -> None:
    dag = compilation.graph.dag
    assert isinstance(dag, nx.DiGraph)
    assert nx.is_directed_acyclic_graph(dag)
    stages, edges = written(compilation, target, dockerfile)
    assert stages == {node for place, node in dag if place == target}
    assert edges == {(first, second) for (place, first), (_, second) in dag.edges if place == target}
    assert len(edges) >= len(stages) - 2


def check_written(compiled: Compiled, output: Path) -> None:
    compiled.tree.write()
    for target in compiled.compilation.targets:
        check(compiled.compilation, target, (output / target / "Dockerfile").read_text())


def test_the_detection_example_is_a_graph_of_stages(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "detection-service", tmp_path / "project")
    compiled = compile_files(open_workspace(tmp_path / "project"))
    graph = compiled.compilation.graph
    assert [facts["stage"] for facts in graph.dag.nodes.values()] == list(graph)
    assert all(key == (node.target, node.id) for key, node in zip(graph.dag, graph, strict=True))
    check_written(compiled, tmp_path / "project/bake")


@pytest.mark.parametrize("name", NAMES)
def test_golden_projects(tmp_path: Path, name: str) -> None:
    project = golden_project(name, tmp_path)
    check_written(project.compiled(), project.root / project.open().project.output)


@pytest.mark.parametrize("target", ["cpu", "jetpack-6.2"])
def test_the_whole_catalogue(tmp_path: Path, target: str) -> None:
    compilation = recipes_subject(open_workspace(tmp_path, need_project=False)).compilation
    check(compilation, target, render_dockerfile(compilation, target, project_templates(tmp_path)))


def test_every_stage_comes_after_what_it_is_made_from(tmp_path: Path) -> None:
    graph = golden_project("robot", tmp_path).compile().graph
    places = {key: place for place, key in enumerate(graph.dag)}
    assert all(places[parent] < places[child] for parent, child in graph.dag.edges)
    for bake_target in graph.bake_targets:
        key = (bake_target.target, bake_target.stage)
        needed = [(node.target, node.id) for node in graph.needed_by(bake_target.target, [bake_target.stage])]
        assert set(needed) == {key, *nx.ancestors(graph.dag, key)}
        assert needed == sorted(needed, key=places.__getitem__)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    build = {"runs_on": "build-platform", "dockerfile": "build.j2", "apt": ["zlib1g-dev"]}
    own = recipe("own", install={"apt": ["libx"], "artifacts": {"/": "/opt"}, "dockerfile": "own.j2"}, build=build)
    project = make_project(tmp_path).recipe(**own).images(app=["own"])
    return project.write(
        {
            "recipes/own/build.j2": "{{ steps.apt }}\nCOPY --from={{ stages.sysroot }} /sysroot /s\nRUN make /out\n",
            "recipes/own/own.j2": "{{ steps.apt }}\n{{ steps.copies }}\nCOPY --from={{ stages.artifact }} /a /a\n",
        }
    )


def test_what_a_recipes_own_template_refers_to_is_among_the_edges(project: Project) -> None:
    check_written(project.compiled(), project.root / "bake")


def test_a_stage_in_a_template_is_no_text(project: Project) -> None:
    project.write({"recipes/own/own.j2": "COPY --from={{ stages.artifact ~ '' }} /a /a\n"})
    with pytest.raises(Exception, match="stands by itself") as caught:
        project.compile()
    assert "own.j2" in str(caught.value)
