"""The build graph and the recipes' graph, and their texts, which real parsers read."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import networkx as nx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgebake.cli.console import json_text
from edgebake.cli.graph import published as data_of
from edgebake.inspect.draw import as_dot, as_mermaid, dot_text, mermaid_text
from edgebake.inspect.graphs import LAYERS, recipe_graph, stage_graph, stage_layers
from edgebake.inspect.selected import resolve_selected
from edgebake.inspect.svg import as_svg
from edgebake.inspect.svg import text as svg_text
from edgebake.model.request import Request
from edgebake.select.request import scope_of
from integration.projects import CATALOGUE, Project, compiled_recipe, make_project, needs, nodes_by_name, recipe

Graph = nx.DiGraph
LABEL = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=40)
HOSTILE = 'a "quoted" [b] {c} <d> | e; f# `g` \\n %% end'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """app needs net (compiled, against zlib, and of numpy), and other needs numpy alone."""
    net = compiled_recipe("net", build={"libraries": ["zlib"]}, requires=["numpy", "python>=3"])
    project = make_project(tmp_path, catalogue=[*CATALOGUE, net])
    (project.builtin / "recipes/net/build.sh").write_text("make\n")
    return project.images(app=["net"], other=["numpy"], board={"recipes": ["numpy"], "targets": ["board-1.0"]})


def stages(project: Project, **selection: tuple[str, ...]) -> Graph:
    compilation = project.compile()
    scope = scope_of(compilation.graph.bake_targets, compilation.workspace, Request(**selection))
    return stage_graph(compilation, [target.bake_target for target in scope.targets])


def recipes(project: Project, **selection: tuple[str, ...]) -> Graph:
    return recipe_graph(resolve_selected(project.open(), Request(**selection)))


def test_the_stages_of_an_image_are_its_own_and_lead_to_it(project: Project) -> None:
    graph = stages(project, names=("app",))
    known = nodes_by_name(project.compile())
    assert nx.is_directed_acyclic_graph(graph)
    (end,) = [name for name in graph if graph.out_degree(name) == 0]
    assert graph.nodes[end]["bake_targets"] == ["app-cpu"]
    assert {graph.nodes[name]["stage"] for name in graph} < set(known)
    assert "cpu/eb-net-build" in graph
    assert [graph.nodes[one]["kind"] for one in graph.successors("cpu/eb-net-build")] == ["artifact"]
    for source, stage in graph.edges:
        parents = [key for name, node in known.items() if f"cpu/{name}" == stage for key in node.parents]
        assert known[source.removeprefix("cpu/")].id in parents


def test_a_stage_that_is_continued_is_told_from_one_that_is_copied(project: Project) -> None:
    graph = stages(project, names=("app",))
    kinds = {(graph.nodes[a]["kind"], graph.nodes[b]["kind"]): graph.edges[a, b]["kind"] for a, b in graph.edges}
    assert kinds["base", "install"] == "from"
    assert kinds["build", "artifact"] == "copy"
    assert "cpu/eb-net-build" not in stages(project, names=("other",))


def test_targets_are_kept_apart(project: Project) -> None:
    assert {graph["target"] for _, graph in stages(project).nodes(data=True)} == {"board-1.0", "cpu"}
    assert {graph["target"] for _, graph in stages(project, targets=("board-*",)).nodes(data=True)} == {"board-1.0"}


def test_the_recipes_of_images_and_who_needs_them(project: Project) -> None:
    graph = recipes(project, targets=("cpu",))
    assert sorted(graph.edges(data="label")) == [
        ("cpu/image:app", "cpu/net", ""),
        ("cpu/image:other", "cpu/numpy", ""),
        ("cpu/net", "cpu/numpy", ""),
        ("cpu/net", "cpu/python:3.11", ">=3"),
        ("cpu/net", "cpu/zlib", ""),
        ("cpu/numpy", "cpu/python:3.11", ""),
    ]
    assert graph.edges["cpu/net", "cpu/zlib"]["kind"] == "library"


def test_platforms_with_other_needs_are_drawn_together(tmp_path: Path) -> None:
    lib = recipe(
        "lib",
        releases=[
            {"version": v, "when": {"platform": p}} for v, p in (("1.0", "linux/amd64"), ("2.0", "linux/arm64"))
        ],
    )
    project = make_project(tmp_path, catalogue=[*CATALOGUE, lib, needs("net", "lib>=1")]).images(app=["net"])
    graph = recipes(project)
    assert {name: graph.nodes[name]["platforms"] for name in graph if "lib" in name} == {
        "cpu/lib:1.0": ["linux/amd64"],
        "cpu/lib:2.0": ["linux/arm64"],
    }
    assert sorted(graph.successors("cpu/net")) == ["cpu/lib:1.0", "cpu/lib:2.0"]


@given(LABEL)
@example(HOSTILE)
@example("</text><script>alert(1)</script>&amp;]]>")
def test_any_label_is_text_in_an_svg(label: str) -> None:
    graph: Graph = nx.DiGraph()
    graph.add_node("a", label=label, kind="recipe", target=label, platforms=["linux/amd64"])
    graph.add_node("b", label="b", kind="image", target=label, platforms=["linux/amd64"])
    graph.add_edge("b", "a", kind="run", label="")
    tree = ElementTree.fromstring(as_svg(graph, "recipes"))
    shown = {element.text for element in tree.iter("{http://www.w3.org/2000/svg}title")}
    assert f"{svg_text(label)} (recipe; linux/amd64)" in {html.escape(text or "") for text in shown}
    tags = {element.tag.partition("}")[2] for element in tree.iter()}
    assert tags <= {"svg", "title", "desc", "style", "rect", "g", "text", "path"}


def test_an_svg_has_a_shape_for_each_stage_and_edge_and_a_band_for_each_layer(project: Project) -> None:
    graph = stages(project)
    tree = ElementTree.fromstring(as_svg(graph, "stages"))
    shapes = [element.get("data-n") for element in tree.iter() if element.get("data-n")]
    assert shapes == [str(number) for number in range(len(graph))]
    assert sum(element.get("data-e") is not None for element in tree.iter()) == graph.number_of_edges()
    heads = [element.text for element in tree.iter() if element.get("class") == "head"]
    assert heads[-6:] == ["Base images", "Build tools", "Fetched", "Built", "Install line", "Images"]


def test_no_edge_leads_to_an_earlier_layer(project: Project) -> None:
    graph = stages(project)
    layers = stage_layers(graph)
    assert all(layers[source] <= layers[end] for source, end in graph.edges)
    by_kind = {graph.nodes[name]["kind"]: LAYERS[layer] for name, layer in layers.items()}
    assert (by_kind["tool"], by_kind["build"], by_kind["image"]) == ("Build tools", "Built", "Images")


@pytest.mark.parametrize("make", [stages, recipes])
def test_dot_and_json_say_the_same_graph(project: Project, make: Callable[[Project], Graph]) -> None:
    graph: Graph = make(project)
    nodes, edges = read_dot(as_dot(graph))
    data = json.loads(json_text(data_of(graph, "stages")))
    assert list(nodes) == [node["id"] for node in data["nodes"]] == list(graph)
    assert nodes == dict(graph.nodes(data="label"))
    assert edges == [(edge["from"], edge["to"], edge["label"]) for edge in data["edges"]]
    assert data["version"] == 1


@pytest.mark.parametrize("make", [stages, recipes])
def test_mermaid_says_the_same_graph(project: Project, make: Callable[[Project], Graph]) -> None:
    graph: Graph = make(project)
    text = as_mermaid(graph)
    order = {f"n{number}": name for number, name in enumerate(graph)}
    labels = dict(re.findall(r'^    (n\d+)\W+"(.*)"\W+$', text, re.MULTILINE))
    edges = re.findall(r'^  (n\d+) -\.?->(?:\|"[^"]*"\|)? (n\d+)$', text, re.MULTILINE)
    assert {order[key]: entities(label) for key, label in labels.items()} == dict(graph.nodes(data="label"))
    assert [(order[a], order[b]) for a, b in edges] == list(graph.edges)


def entities(text: str) -> str:
    """Return a Mermaid label as it is shown: its `#NUMBER;` are what HTML's `&#NUMBER;` is."""
    return html.unescape(re.sub(r"#(\d+);", r"&#\1;", text))


@given(LABEL)
def test_any_label_is_one_word_in_mermaid(label: str) -> None:
    text = mermaid_text(label)
    assert re.fullmatch(r'"[^"\[\]{}<>|`\\\n]*"', text)
    assert [chr(int(n)) for n in re.findall(r"#(\d+);", text)] == [c for c in label if f"#{ord(c)};" in text]
    assert re.sub(r"#(\d+);", lambda match: chr(int(match[1])), text[1:-1]) == label


@given(LABEL)
def test_any_label_is_one_word_in_dot(label: str) -> None:
    text = dot_text(label)
    assert re.fullmatch(r'"(?:[^"\\]|\\.)*"', text)
    assert re.sub(r"\\(.)", r"\1", text[1:-1]) == label


def test_dot_with_a_hostile_label_is_read() -> None:
    graph: Graph = nx.DiGraph()
    graph.add_node("a", label=HOSTILE, kind="recipe", target=HOSTILE)
    graph.add_edge("a", "a", kind="run", label=HOSTILE)
    assert read_dot(as_dot(graph)) == ({"a": HOSTILE}, [("a", "a", HOSTILE)])


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_draws_it(project: Project) -> None:
    done = subprocess.run(
        ["dot", "-Tsvg"], input=as_dot(stages(project)), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


DOT_TOKEN = re.compile(r'"(?P<text>(?:[^"\\]|\\.)*)"|(?P<word>[A-Za-z_]\w*)|(?P<sign>->|[{}\[\]=;,])|\s+')


def read_dot(text: str) -> tuple[dict[str, str], list[tuple[str, str, str]]]:
    """Return the labels of a DOT graph's nodes, and its edges with theirs, by the tokens of Graphviz's grammar.

    Anything that is no token, and any bracket that is not closed, is an error.
    """
    words: list[str] = []
    place = 0
    while place < len(text):
        match = DOT_TOKEN.match(text, place)
        assert match is not None, f"no token of DOT: {text[place : place + 40]!r}"
        place = match.end()
        if match["text"] is not None:
            words.append("=" + re.sub(r"\\(.)", r"\1", match["text"]))  # so that no text is taken for a sign
        elif match["word"] or match["sign"]:
            words.append(match["word"] or match["sign"] + " ")
    assert words.count("{ ") == words.count("} ")
    nodes: dict[str, str] = {}
    edges: list[tuple[str, str, str]] = []
    for start, word in enumerate(words):
        own = words[start + 1 : words.index("; ", start) if "; " in words[start:] else None]
        label = next((own[n + 2][1:] for n, one in enumerate(own) if one == "label"), "")
        before = words[start - 1]
        if word[0] == "=" and word != "= " and own[:1] == ["-> "]:
            edges.append((word[1:], own[1][1:], label))
        elif word[0] == "=" and word != "= " and before in ("; ", "{ ") and own[:1] == ["[ "]:
            nodes[word[1:]] = label
    return nodes, edges
