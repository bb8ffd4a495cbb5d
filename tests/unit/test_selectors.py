"""Selectors: the grammar, what terms reach in a graph, and what they pick in a project."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgebake.errors import EdgebakeError
from edgebake.model.request import Request
from edgebake.select.evaluate import combined, reached
from edgebake.select.grammar import ALL, METHODS, STATES, Asked, Term, parse_selector, terms_of
from edgebake.select.images import picked_cells
from edgebake.select.listed import selected_items, selected_names
from edgebake.select.project import IMAGE, Cell
from integration.projects import AMD64, ARM64, Project, compiled_recipe, make_project, needs, recipe

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

# ── grammar


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("pytorch", Term("pytorch", "name", "pytorch")),
        ("+pytorch", Term("+pytorch", "name", "pytorch", up=ALL)),
        ("2+pytorch", Term("2+pytorch", "name", "pytorch", up=2)),
        ("pytorch+", Term("pytorch+", "name", "pytorch", down=ALL)),
        ("pytorch+2", Term("pytorch+2", "name", "pytorch", down=2)),
        ("pytorch+0", Term("pytorch+0", "name", "pytorch", down=0)),
        ("1+pytorch+2", Term("1+pytorch+2", "name", "pytorch", up=1, down=2)),
        ("@app", Term("@app", "name", "app", around=True)),
        ("group:llm", Term("group:llm", "group", "llm")),
        ("+target:jetpack-*", Term("+target:jetpack-*", "target", "jetpack-*", up=ALL)),
        ("platform:linux/arm64", Term("platform:linux/arm64", "platform", "linux/arm64")),
        ("path:builtin:recipes/ml", Term("path:builtin:recipes/ml", "path", "builtin:recipes/ml")),
        ("state:directly-modified+", Term("state:directly-modified+", "state", "directly-modified", down=ALL)),
        ("python-3.11", Term("python-3.11", "name", "python-3.11")),
    ],
)
def test_a_term(text: str, term: Term) -> None:
    assert parse_selector([text]) == ((term,),)


def test_spaces_and_repetition_are_a_union_and_commas_an_intersection() -> None:
    found = parse_selector(["a,b c", "d"])
    assert [[term.text for term in group] for group in found] == [["a", "b"], ["c"], ["d"]]
    assert str(Asked(found, parse_selector(["e"]))) == "--select 'a,b c d' --exclude 'e'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "--select is empty"),
        ("  ", "--select is empty"),
        ("a,,b", "'' in 'a,,b' is not a selector"),
        ("a,", "'' in 'a,' is not a selector"),
        ("+", "'+' is not a selector"),
        ("a++", "'a++' is not a selector"),
        ("a+x", "'a+x' is not a selector"),
        ("a@b", "'a@b' is not a selector"),
        ("group:", "'group:' is not a selector"),
        (":llm", "':llm' is not a selector"),
        ("Group:llm", "there is no method 'Group'"),
        ("@a+", "'@a+' has @ and +, which cannot be combined"),
        ("colour:red", "there is no method 'colour'"),
        ("state:broken", "there is no state 'broken'"),
    ],
)
def test_what_is_no_selector(text: str, message: str) -> None:
    with pytest.raises(EdgebakeError) as caught:
        parse_selector([text])
    assert message in caught.value.message
    assert caught.value.hints or caught.value.reason


def test_a_misspelled_method_and_state_name_the_nearest() -> None:
    for text, hint in (("grup:llm", "did you mean 'group'?"), ("state:modifed", "did you mean 'modified'?")):
        with pytest.raises(EdgebakeError) as caught:
            parse_selector([text])
        assert caught.value.hints == (hint,)
    with pytest.raises(EdgebakeError) as caught:
        parse_selector(["pytorch:2.7"])
    assert caught.value.hints[0] == "a selector takes no version: pytorch"


# Figures alone are no name: in `0+0` the first is a number of steps.
NAMES = st.text("abz09", min_size=1, max_size=4).filter(lambda name: not name.isdigit()) | st.sampled_from(
    ["a.b", "python-3.11", "torch*", "linux/arm64"]
)
STEPS = st.none() | st.integers(0, 99)


@st.composite
def written(draw: st.DrawFn) -> tuple[str, Term]:
    """A term and how it is written."""
    method = draw(st.sampled_from(METHODS))
    value = draw(st.sampled_from(STATES)) if method == "state" else draw(NAMES)
    body = value if method == "name" and draw(st.booleans()) else f"{method}:{value}"
    if draw(st.booleans()):
        return f"@{body}", Term(f"@{body}", method, value, around=True)
    up, down = draw(STEPS), draw(STEPS)
    before = "" if up is None else f"{up}+"
    after = "" if down is None else f"+{down}"
    text = f"{before}{body}{after}"
    return text, Term(text, method, value, up or 0, down)


@UNHURRIED
@given(st.lists(st.lists(written(), min_size=1, max_size=3), min_size=1, max_size=3), st.booleans())
def test_what_is_written_is_read(groups: list[list[tuple[str, Term]]], repeated: bool) -> None:
    words = [",".join(text for text, _ in group) for group in groups]
    found = parse_selector(words if repeated else [" ".join(words)])
    assert found == tuple(tuple(term for _, term in group) for group in groups)


@UNHURRIED
@given(st.text(max_size=30))
def test_any_text_is_a_selector_or_one_clear_mistake(text: str) -> None:
    try:
        found = parse_selector([text])
    except EdgebakeError as error:
        assert "--select" in str(error)
    else:
        assert [term.text for term in terms_of(found)] == [w for part in text.split() for w in part.split(",")]


# ── the graph


class Letters:
    """Items that are letters; a term names one."""

    def __init__(self, graph: nx.DiGraph) -> None:
        self.graph = graph

    def of(self, term: Term) -> frozenset[str]:
        return frozenset({term.value} & set(self.graph))

    def needs(self, item: str) -> list[str]:
        return list(self.graph.predecessors(item))

    def needed_by(self, item: str) -> list[str]:
        return list(self.graph.successors(item))


@st.composite
def graphs(draw: st.DrawFn) -> nx.DiGraph:
    names = "abcdefgh"
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    graph = nx.DiGraph()
    graph.add_nodes_from(names)
    graph.add_edges_from(draw(st.lists(st.sampled_from(pairs), max_size=16)))
    return graph


def select(graph: nx.DiGraph, *texts: str, exclude: tuple[str, ...] = ()) -> frozenset[str]:
    items = Letters(graph)
    return combined(
        parse_selector(texts), parse_selector(exclude), frozenset(graph), lambda term: reached(term, items)
    )


@UNHURRIED
@given(graphs(), st.sampled_from("abcdefgh"), st.integers(0, 4))
def test_operators_walk_as_networkx_does(graph: nx.DiGraph, name: str, steps: int) -> None:
    below = {name, *nx.descendants(graph, name)}
    above = {name, *nx.ancestors(graph, name)}
    assert select(graph, f"{name}+") == below
    assert select(graph, f"+{name}") == above
    assert select(graph, f"+{name}+") == above | below
    near = nx.single_source_shortest_path_length(graph, name, cutoff=steps)
    assert select(graph, f"{name}+{steps}") == set(near)
    needed = nx.single_source_shortest_path_length(graph.reverse(), name, cutoff=steps)
    assert select(graph, f"{steps}+{name}") == set(needed)
    around = below.union(*(nx.ancestors(graph, one) for one in below))
    assert select(graph, f"@{name}") == around


@UNHURRIED
@given(graphs(), st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh"))
def test_unions_intersections_and_exclusions_are_those_of_sets(graph: nx.DiGraph, one: str, other: str) -> None:
    left, right = select(graph, f"{one}+"), select(graph, f"+{other}")
    assert select(graph, f"{one}+ +{other}") == select(graph, f"{one}+", f"+{other}") == left | right
    assert select(graph, f"{one}+,+{other}") == left & right
    assert select(graph, f"{one}+", exclude=(f"+{other}",)) == left - right
    assert select(graph, exclude=(f"+{other}",)) == set(graph) - right


# ── a project: three images on two targets
#
#   robot   cpu, board-1.0   app → libx → python     (libx is built with compiler)
#   server  cpu              api → libx
#   tool    board-1.0        extra


@pytest.fixture
def robots(tmp_path: Path) -> Project:
    project = make_project(tmp_path)
    project.recipe(**compiled_recipe("libx", requires=["python"], group="vision", aliases=["ex"]))
    project.recipe(**needs("app", "libx", layer="application"))
    project.recipe(**needs("api", "libx", layer="application", group="llm"))
    project.recipe(**recipe("extra"))
    project.write({"recipes/libx/build.sh": "make\n"})
    project.images(
        robot={"recipes": ["app"], "targets": ["cpu", "board-1.0"]},
        server=["api"],
        tool={"recipes": ["extra"], "targets": ["board-1.0"]},
    )
    return project


EVERY = {f"robot-cpu {AMD64}", f"robot-cpu {ARM64}", f"robot-board-1-0 {ARM64}"}
SERVER = {f"server-cpu {AMD64}", f"server-cpu {ARM64}"}
TOOL = {f"tool-board-1-0 {ARM64}"}


def parts(project: Project, *texts: str, exclude: tuple[str, ...] = (), **fields: object) -> set[str]:
    """Return what selectors pick, as bake targets and platforms. `state:` compares with what was built."""
    request = Request(select=texts, exclude=exclude, **fields)  # type: ignore[arg-type]
    return {f"{name} {platform}" for name, platform in project.pipeline(request).scope.parts}


@pytest.mark.parametrize(
    ("text", "picks"),
    [
        ("libx", EVERY | SERVER),
        ("ex", EVERY | SERVER),  # an alias
        ("lib*", EVERY | SERVER),
        ("+libx", EVERY | SERVER),
        ("libx+", EVERY | SERVER),
        ("libx+2", EVERY | SERVER),
        ("@libx", EVERY | SERVER),
        ("app", EVERY),
        ("app+1", EVERY),
        ("robot", EVERY),
        ("+robot", EVERY),
        ("image:*o*,target:board-1.0", {f"robot-board-1-0 {ARM64}"} | TOOL),
        ("recipe:extra", TOOL),
        ("group:llm", SERVER),
        ("group:vision,layer:application", EVERY | SERVER),
        ("target:board-*", {f"robot-board-1-0 {ARM64}"} | TOOL),
        (f"platform:{AMD64}", {f"robot-cpu {AMD64}", f"server-cpu {AMD64}"}),
        ("app,api", set()),
        ("app api", EVERY | SERVER),
        ("compiler+", EVERY | SERVER),  # built with it
        ("path:recipes/libx/build.sh", EVERY | SERVER),
        ("path:recipes/ap?", EVERY | SERVER),
        ("path:./recipes/extra/", TOOL),
        ("path:recipes", EVERY | SERVER | TOOL),
    ],
)
def test_what_a_selector_picks_of_images(robots: Project, text: str, picks: set[str]) -> None:
    if picks:
        assert parts(robots, text) == picks
    else:
        with pytest.raises(EdgebakeError, match="matches no image"):
            parts(robots, text)


def test_steps_are_counted_from_a_recipe_to_the_images_that_name_it(robots: Project) -> None:
    with pytest.raises(EdgebakeError, match=re.escape("--select 'libx+1' matches no image")):
        parts(robots, "libx+1")  # app and api are one step away, the images two
    robots.images(robot=["app"], server=["libx"])
    assert parts(robots, "libx+1") == SERVER
    assert parts(robots, "libx+2") == SERVER | {f"robot-cpu {AMD64}", f"robot-cpu {ARM64}"}


def test_exclusion_is_of_images_that_hold_something(robots: Project) -> None:
    assert parts(robots, exclude=("libx",)) == TOOL
    assert parts(robots, "libx", exclude=("group:llm",)) == EVERY
    assert parts(robots, exclude=(f"platform:{AMD64}", "tool")) == {
        f"robot-cpu {ARM64}",
        f"robot-board-1-0 {ARM64}",
        f"server-cpu {ARM64}",
    }


def test_selectors_narrow_what_names_and_options_select(robots: Project) -> None:
    assert parts(robots, "libx", names=("robot",), targets=("cpu",), platforms=(ARM64,)) == {f"robot-cpu {ARM64}"}
    with pytest.raises(EdgebakeError, match="matches no image"):
        parts(robots, "extra", names=("robot",))


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("libxx", "unknown image or recipe 'libxx'", "did you mean 'libx'?"),
        ("robo", "unknown image or recipe 'robo'", "did you mean 'robot'?"),
        ("board-1.0", "unknown image or recipe 'board-1.0'", "for a target, write target:board-1.0"),
        ("recipe:libxx+", "unknown recipe 'libxx' in the selector 'recipe:libxx+'", "did you mean 'libx'?"),
        ("image:robo", "unknown image 'robo'", "did you mean 'robot'?"),
        ("group:vison", "unknown group 'vison'", "did you mean 'vision'?"),
        ("layer:sytem", "unknown layer 'sytem'", "did you mean 'system'?"),
        ("target:board-2.0", "unknown target 'board-2.0'", "did you mean 'board-1.0'?"),
        ("platform:linux/arm", "unknown platform 'linux/arm'", "did you mean 'linux/arm64'?"),
        ("zlib", "--select 'zlib' matches no image", "what there is: edgebake list images"),
        ("app,api", "--select 'app,api' matches no image", "a comma means both"),
        ("compiler", "--select 'compiler' matches no image", "what there is"),
    ],
)
def test_mistakes_name_what_is_meant(robots: Project, text: str, message: str, hint: str) -> None:
    with pytest.raises(EdgebakeError) as caught:
        parts(robots, text)
    assert message in caught.value.message
    assert caught.value.hints[0].startswith(hint)


def test_a_term_that_picks_nothing_beside_others_is_told(robots: Project) -> None:
    scope = robots.pipeline(Request(select=("zlib extra",))).scope
    assert scope.notes == ("the selector 'zlib' matches no image: none holds such a recipe",)


def test_states_are_those_of_the_last_build(robots: Project) -> None:
    assert parts(robots, "state:new") == parts(robots, "state:modified") == EVERY | SERVER | TOOL
    assert parts(robots, "state:unmodified") == set()
    robots.built()
    assert parts(robots, "state:modified") == set()
    assert parts(robots, "state:unmodified") == EVERY | SERVER | TOOL
    robots.recipe(**recipe("extra", env={"A": "1"}))
    assert parts(robots, "state:modified") == parts(robots, "state:directly-modified") == TOOL
    assert parts(robots, "state:new") == set()
    assert parts(robots, "state:modified", exclude=("state:modified",)) == set()
    robots.write({"recipes/libx/build.sh": "make fast\n"})
    assert parts(robots, "state:directly-modified+,target:cpu") == (EVERY | SERVER) - {f"robot-board-1-0 {ARM64}"}
    assert parts(robots, "state:indirectly-modified,layer:application", "extra") == EVERY | SERVER | TOOL
    assert parts(robots, "state:unmodified") == set()


def test_an_image_is_new_only_as_a_whole(robots: Project) -> None:
    robots.built()
    robots.images(robot=["app", "extra"], server=["api"], more=["api"])
    assert parts(robots, "state:new") == {f"more-cpu {AMD64}", f"more-cpu {ARM64}"}
    assert {f"robot-cpu {AMD64}", f"robot-cpu {ARM64}"} <= parts(robots, "state:modified")


WORDS = ["libx", "app+1", "group:llm", "target:cpu", f"platform:{ARM64}", "@app", "robot", "tool", "+api", "zlib"]


def test_what_is_picked_of_images_is_what_sets_make_of_the_terms(robots: Project) -> None:
    items = robots.pipeline().items

    def cells(*texts: str, exclude: tuple[str, ...] = ()) -> frozenset[Cell]:
        return picked_cells(Asked(parse_selector(texts), parse_selector(exclude)), items)[0]

    assert len(items.cells) == 6
    for one, two, three in product(WORDS, repeat=3):
        assert cells(one, two) == cells(f"{two} {one}") == cells(one) | cells(two)
        assert cells(f"{one},{two}") == cells(one) & cells(two)
        assert cells(one, two, exclude=(three,)) == cells(one, two) - cells(three)


# ── nodes, for the graph and for lists


def nodes(project: Project, *texts: str, exclude: tuple[str, ...] = ()) -> set[str]:
    found = selected_items(project.pipeline().items, Request(select=texts, exclude=exclude))
    return {f"{item.cell.bake_target}:{item.recipe or 'image'}" for item in found}


def test_nodes_of_the_graph(robots: Project) -> None:
    assert nodes(robots, "server") == {"server-cpu:image"}
    assert nodes(robots, "+server") == {f"server-cpu:{n}" for n in ("image", "api", "libx", "python", "compiler")}
    assert nodes(robots, "1+server") == {"server-cpu:image", "server-cpu:api"}
    assert nodes(robots, "libx+1,target:board-1.0") == {"robot-board-1-0:libx", "robot-board-1-0:app"}
    assert nodes(robots, "+server", exclude=("compiler", "python")) == {
        "server-cpu:image",
        "server-cpu:api",
        "server-cpu:libx",
    }
    with pytest.raises(EdgebakeError, match="matches nothing in the graph"):
        nodes(robots, "app,api")


def test_lists(robots: Project) -> None:
    def listed(kind: str, *texts: str, exclude: tuple[str, ...] = ()) -> list[str]:
        workspace = robots.open()
        names = {
            "recipes": workspace.catalogue.recipe_names(),
            "targets": workspace.catalogue.target_names(),
            "images": list(workspace.project.images),
        }[kind]
        request = Request(select=texts, exclude=exclude)
        return selected_names(workspace, kind, request, names, lambda: robots.pipeline().items)  # type: ignore[arg-type]

    assert listed("recipes", "+app") == ["app", "compiler", "libx", "python"]
    assert listed("recipes", "compiler+1") == ["compiler", "libx"]
    assert listed("recipes", "image:tool") == ["extra"]
    assert listed("recipes", "robot") == ["app", "libx", "python"]
    assert listed("recipes", "group:llm", "group:vision", exclude=("api",)) == ["libx"]
    assert listed("recipes", "target:board-1.0,group:llm") == ["api"]
    assert listed("targets", "board-*") == ["board-1.0"]
    assert listed("targets", f"platform:{AMD64}") == ["cpu"]
    assert listed("targets", "server") == ["cpu"]
    assert listed("targets", "libx", exclude=("cpu",)) == ["board-1.0"]
    assert listed("images", "libx") == ["robot", "server"]
    assert listed("images", exclude=("libx",)) == ["tool"]
    assert listed("images", "zlib") == []


def test_the_images_item_has_no_recipes_name() -> None:
    assert IMAGE == ""
