"""The longest path over a graph whose nodes take time: what decides how long a build lasts with enough machines."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

import networkx as nx

from edgebake.dataclasses import dataclass

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class CriticalPath(Generic[K]):
    """The longest path, and when each node can be done at the earliest."""

    nodes: tuple[K, ...]  # the path, each after what it needs; empty only if the graph is
    seconds: float  # its length: no number of machines is faster
    done: Mapping[K, float]  # by node, the earliest second at which it is done


def critical_path(seconds: Mapping[K, float], needs: Mapping[K, Iterable[K]]) -> CriticalPath[K]:
    """Return the longest path of a directed graph without cycles, in time linear in its size.

    Of several equally long ones it is one that ends with the node that is named last, and goes back through those
    that are named first: what takes no time at the end belongs to it.

    Args:
        seconds: what each node takes, 0 or more.
        needs: what has to be done before a node; what `seconds` does not name is done already.

    Raises:
        networkx.NetworkXUnfeasible: the graph has a cycle.
    """
    return _longest(seconds, _before(seconds, needs))


def saved_without(
    seconds: Mapping[K, float], needs: Mapping[K, Iterable[K]], groups: Mapping[str, Collection[K]]
) -> dict[str, float]:
    """Return by how much the longest path would be shorter if all nodes of a group took no time, for each group.

    Args:
        seconds: what each node takes.
        needs: what has to be done before a node.
        groups: the nodes of each. Only one that has a node on the path can save anything.
    """
    before = _before(seconds, needs)
    longest = _longest(seconds, before).seconds
    return {
        name: longest - _longest({**seconds, **dict.fromkeys(own, 0.0)}, before).seconds
        for name, own in groups.items()
    }


def _before(seconds: Mapping[K, float], needs: Mapping[K, Iterable[K]]) -> dict[K, list[K]]:
    """Return by node what comes right before it, in the order of `seconds`; each node after those."""
    graph: nx.DiGraph[K] = nx.DiGraph()
    graph.add_nodes_from(seconds)
    graph.add_edges_from((need, node) for node in seconds for need in needs.get(node, ()) if need in seconds)
    places = {node: place for place, node in enumerate(seconds)}
    return {node: sorted(graph.pred[node], key=places.__getitem__) for node in nx.topological_sort(graph)}


def _longest(seconds: Mapping[K, float], before: Mapping[K, list[K]]) -> CriticalPath[K]:
    done: dict[K, float] = {}
    for node, needed in before.items():
        done[node] = seconds[node] + max((done[need] for need in needed), default=0.0)
    last = max(reversed([*seconds]), key=done.__getitem__, default=None)
    path: list[K] = []
    while last is not None:
        path.append(last)
        last = max(before[last], key=done.__getitem__, default=None)
    return CriticalPath(tuple(reversed(path)), done[path[0]] if path else 0.0, done)
