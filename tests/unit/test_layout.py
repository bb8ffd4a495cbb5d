"""Layouts keep what they promise for any graph."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebake.inspect.layout import CHANNEL_GAP, NODE_GAP, NODE_HEIGHT, Layout, lay_out, ranks


@st.composite
def dags(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str]]]:
    nodes = [f"n{number}" for number in range(draw(st.integers(1, 14)))]
    pairs = list(combinations(nodes, 2))
    return nodes, draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []


def laid_out(nodes: list[str], edges: list[tuple[str, str]]) -> Layout:
    return lay_out(dict.fromkeys(nodes, 100.0), dict.fromkeys(edges, 1.0), ranks(nodes, edges))


@given(dags())
def test_nodes_do_not_overlap_and_edges_lead_right(dag: tuple[list[str], list[tuple[str, str]]]) -> None:
    layout = laid_out(*dag)
    for one, other in combinations(layout.boxes.values(), 2):
        if one.x == other.x:
            assert abs(one.y - other.y) >= NODE_HEIGHT + NODE_GAP - 0.2
    for (source, end), points in layout.routes.items():
        assert layout.boxes[source].x + layout.boxes[source].width <= layout.boxes[end].x
        assert all(a[0] < b[0] for a, b in pairwise(points))
    assert all(0 <= box.y <= layout.height - NODE_HEIGHT for box in layout.boxes.values())


@given(dags())
def test_edges_pass_no_node(dag: tuple[list[str], list[tuple[str, str]]]) -> None:
    layout = laid_out(*dag)
    for points in layout.routes.values():
        for (x, y), (_, same) in zip(points[1:-1:2], points[2:-1:2], strict=True):
            assert y == same
            for box in layout.boxes.values():
                if box.x == x:
                    assert not box.y - CHANNEL_GAP / 2 < y < box.y + box.height + CHANNEL_GAP / 2


def test_a_line_is_straight() -> None:
    nodes = ["x", "y", "base", "a", "b", "c"]
    edges = {("base", "a"): 200.0, ("a", "b"): 200.0, ("b", "c"): 200.0, ("x", "b"): 1.0, ("y", "c"): 1.0}
    boxes = lay_out(dict.fromkeys(nodes, 100.0), edges, ranks(nodes, edges)).boxes
    heights = [boxes[name].y for name in ("base", "a", "b", "c")]
    assert max(heights) - min(heights) < 4


def test_a_layer_begins_behind_the_one_before() -> None:
    found = ranks(["a", "b", "c", "z"], [("a", "b")], {"a": 0, "b": 0, "c": 1, "z": 4})
    assert found == {"a": 0, "b": 1, "c": 2, "z": 3}


def test_nothing_is_drawn_as_nothing() -> None:
    assert laid_out([], []).boxes == {}


@pytest.mark.parametrize("number", [300])
def test_a_long_line_is_laid_out(number: int) -> None:
    nodes = [f"n{i}" for i in range(number)]
    layout = laid_out(nodes, list(pairwise(nodes)))
    assert len({box.y for box in layout.boxes.values()}) == 1
