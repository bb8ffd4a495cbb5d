"""The longest path over a graph with weights, against all its paths, and against networkx."""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebake.plan.critical_path import critical_path, saved_without

SIZE = 8
SECONDS = st.lists(st.integers(0, 50), min_size=1, max_size=SIZE)
EDGES = st.sets(
    st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)).filter(lambda edge: edge[0] < edge[1])
)


def graph(seconds: list[int], edges: set[tuple[int, int]]) -> tuple[dict[str, float], dict[str, set[str]]]:
    """Return weights and needs; an edge leads from what is needed. Ends that have no weight stay in the needs."""
    names = "hgfedcba"
    needs: dict[str, set[str]] = {}
    for first, second in edges:
        needs.setdefault(names[second], set()).add(names[first])
    return {names[place]: float(value) for place, value in enumerate(seconds)}, needs


def all_paths(seconds: dict[str, float], needs: dict[str, set[str]]) -> Iterator[tuple[str, ...]]:
    todo: list[tuple[str, ...]] = [(name,) for name in seconds]
    while todo:
        path = todo.pop()
        yield path
        todo += [(need, *path) for need in needs.get(path[0], ()) if need in seconds]


@given(SECONDS, EDGES)
def test_no_path_is_longer_and_it_is_one(values: list[int], edges: set[tuple[int, int]]) -> None:
    seconds, needs = graph(values, edges)
    found = critical_path(seconds, needs)
    lengths = {path: sum(seconds[name] for name in path) for path in all_paths(seconds, needs)}
    assert found.nodes in lengths
    assert lengths[found.nodes] == found.seconds == max(lengths.values())
    for name, done in found.done.items():
        assert done == max(length for path, length in lengths.items() if path[-1] == name)


@given(SECONDS, EDGES)
def test_networkx_finds_the_same_length(values: list[int], edges: set[tuple[int, int]]) -> None:
    seconds, needs = graph(values, edges)
    dag = nx.DiGraph()
    dag.add_node("begin")
    for name in seconds:
        dag.add_edge("begin", name, weight=seconds[name])
        for need in needs.get(name, ()):
            if need in seconds:
                dag.add_edge(need, name, weight=seconds[name])
    assert critical_path(seconds, needs).seconds == nx.dag_longest_path_length(dag)


@given(SECONDS, EDGES, st.sets(st.sampled_from("abcdefgh")))
def test_what_costs_nothing_saves_what_it_was_in_the_way(
    values: list[int], edges: set[tuple[int, int]], group: set[str]
) -> None:
    seconds, needs = graph(values, edges)
    own = {name for name in group if name in seconds}
    without = {name: 0.0 if name in own else value for name, value in seconds.items()}
    longest = critical_path(seconds, needs)
    saved = saved_without(seconds, needs, {"x": own})["x"]
    assert saved == longest.seconds - critical_path(without, needs).seconds >= 0
    if not own & set(longest.nodes):
        assert saved == 0


def test_of_equal_paths_the_first_named_is_taken() -> None:
    assert critical_path({"a": 1, "b": 1, "c": 1}, {"c": ["b", "a"]}).nodes == ("a", "c")
    assert critical_path({"b": 1, "a": 1, "c": 1}, {"c": ["b", "a"]}).nodes == ("b", "c")


def test_nothing_takes_no_time() -> None:
    found = critical_path({}, {})
    assert (found.nodes, found.seconds) == ((), 0.0)


def test_a_cycle_is_refused() -> None:
    with pytest.raises(nx.NetworkXUnfeasible):
        critical_path({"a": 1, "b": 1}, {"a": ["b"], "b": ["a"]})
