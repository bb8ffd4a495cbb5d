"""A layered drawing of a graph: nodes in columns, edges from left to right that keep clear of them.

An edge that passes columns has a place in each, a channel; edges of one node share their channels, so they leave as
one line. The order in the columns comes from barycentres (Sugiyama et al. 1981), the heights from least squares
under the order, column by column. All of it is a plain function of its input, in the order that it is given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, pairwise

from edgebake.dataclasses import dataclass

NODE_HEIGHT, NODE_GAP, CHANNEL_GAP = 42.0, 14.0, 9.0
COLUMN_GAP, MARGIN = 56.0, 20.0
_ORDER_SWEEPS, _SIDE_SWEEPS, _BOTH_SWEEPS = 12, 8, 4

Slot = tuple[str, int]
"""A node in its column, or the channel of its edges in another one."""
Edge = tuple[str, str]
Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """Where a node is: its left upper corner, and its size."""

    x: float
    y: float
    width: float
    height: float = NODE_HEIGHT


@dataclass(frozen=True)
class Column:
    """Where a column is."""

    x: float
    width: float


@dataclass(frozen=True)
class Layout:
    """A drawing: where nodes are, and the points that edges pass, two in each column."""

    boxes: dict[str, Box]
    routes: dict[Edge, list[Point]]
    columns: list[Column]
    width: float
    height: float


def ranks(nodes: Iterable[str], edges: Iterable[Edge], layers: Mapping[str, int] | None = None) -> dict[str, int]:
    """Return the column of each node: behind all that it needs, and behind the layers before its own.

    Args:
        nodes: each after those that have edges to it.
        edges: they never lead to an earlier layer.
        layers: of the nodes; all are of one layer if None.
    """
    nodes, before = list(nodes), defaultdict(list)
    for source, end in edges:
        before[end].append(source)
    found: dict[str, int] = {}
    start = 0
    for layer in sorted({layers[node] for node in nodes} if layers else {0}):
        for node in nodes:
            if layers is None or layers[node] == layer:
                found[node] = max([start, *(found[one] + 1 for one in before[node])])
        start = max(found.values(), default=0) + 1
    return found


def lay_out(widths: Mapping[str, float], edges: Mapping[Edge, float], columns: Mapping[str, int]) -> Layout:
    """Return the drawing of a graph.

    Args:
        widths: of the nodes.
        edges: with how much each wants to be straight; they lead to later columns.
        columns: of the nodes.
    """
    drawing = _Drawing(widths, edges, columns)
    drawing.order()
    drawing.place()
    return drawing.layout()


class _Drawing:
    def __init__(
        self, widths: Mapping[str, float], edges: Mapping[Edge, float], columns: Mapping[str, int]
    ) -> None:
        self.widths, self.edges, self.ranks = widths, edges, columns
        self.y: dict[Slot, float] = {}
        self.slots: list[list[Slot]] = [[] for _ in range(max(columns.values(), default=-1) + 1)]
        for node in widths:
            self.slots[columns[node]].append((node, columns[node]))
        joined: dict[tuple[Slot, Slot], float] = {}
        for edge, weight in edges.items():
            for step in pairwise(self._way(edge)):
                joined[step] = max(weight, joined.get(step, 0.0))
        self.left: dict[Slot, list[tuple[Slot, float]]] = defaultdict(list)
        self.right: dict[Slot, list[tuple[Slot, float]]] = defaultdict(list)
        for (one, other), weight in joined.items():
            # What passes through several columns had better be straight.
            weight *= 1 + 3 * self._is_channel(one) + 3 * self._is_channel(other)
            self.right[one].append((other, weight))
            self.left[other].append((one, weight))
        for slot in dict.fromkeys(slot for step in joined for slot in step if self._is_channel(slot)):
            self.slots[slot[1]].append(slot)

    def _way(self, edge: Edge) -> list[Slot]:
        source, end = edge
        passed = range(self.ranks[source], self.ranks[end])
        return [*((source, rank) for rank in passed), (end, self.ranks[end])]

    def _is_channel(self, slot: Slot) -> bool:
        return self.ranks[slot[0]] != slot[1]

    # ── order

    def order(self) -> None:
        """Order each column by the places of its neighbours, to and fro."""
        places = {slot: float(place) for column in self.slots for place, slot in enumerate(column)}
        for sweep in range(_ORDER_SWEEPS):
            forth = sweep % 2 == 0
            neighbours = self.left if forth else self.right
            for column in self.slots if forth else self.slots[::-1]:
                column.sort(key=lambda slot: _mean(neighbours[slot], places, places[slot]))
                places.update((slot, float(place)) for place, slot in enumerate(column))

    # ── heights

    def place(self) -> None:
        """Give each slot a height near its neighbours', in the order of its column."""
        for column in self.slots:
            heights = _settled([(0.0, 1.0)] * len(column), self._gaps(column))
            self.y.update(zip(column, heights, strict=True))
        for sweep in range(_SIDE_SWEEPS + _BOTH_SWEEPS):
            forth = sweep % 2 == 0
            for column in self.slots if forth else self.slots[::-1]:
                self._settle(column, self.left if forth else self.right, both=sweep >= _SIDE_SWEEPS)
        for column in self.slots:  # so that lines end as straight as they can be
            self._settle(column, self.left, both=False)

    def _settle(self, column: list[Slot], side: Mapping[Slot, list[tuple[Slot, float]]], *, both: bool) -> None:
        wishes = []
        for slot in column:
            near = [*self.left[slot], *self.right[slot]] if both else side[slot]
            wishes.append((_mean(near, self.y, self.y[slot]), sum(weight for _, weight in near) or 0.1))
        self.y.update(zip(column, _settled(wishes, self._gaps(column)), strict=True))

    def _gaps(self, column: Sequence[Slot]) -> list[float]:
        """Return how far below the one before it each slot of a column must be, at least."""
        gaps = [0.0]
        for above, below in pairwise(column):
            channels = self._is_channel(above) + self._is_channel(below)
            gaps.append((NODE_HEIGHT + NODE_GAP, NODE_HEIGHT / 2 + CHANNEL_GAP, CHANNEL_GAP)[channels])
        return gaps

    # ── the result

    def layout(self) -> Layout:
        """Return the drawing, with its left upper corner at 0, 0."""
        top = min(self.y.values(), default=0.0) - NODE_HEIGHT / 2 - MARGIN
        columns = self._columns()
        boxes = {}
        for node, width in self.widths.items():
            slot = (node, self.ranks[node])
            box = columns[slot[1]]
            boxes[node] = Box(box.x + (box.width - width) / 2, _tenth(self.y[slot] - top - NODE_HEIGHT / 2), width)
        routes = {edge: self._route(edge, boxes, columns, top) for edge in self.edges}
        height = max(self.y.values(), default=0.0) - top + NODE_HEIGHT / 2 + MARGIN
        end = columns[-1].x + columns[-1].width if columns else 0.0
        return Layout(boxes, routes, columns, end + MARGIN, _tenth(height))

    def _columns(self) -> list[Column]:
        found, x = [], MARGIN
        for rank, column in enumerate(self.slots):
            width = max((self.widths[node] for node, _ in column if self.ranks[node] == rank), default=0.0)
            found.append(Column(x, width))
            x += width + COLUMN_GAP
        return found

    def _route(self, edge: Edge, boxes: Mapping[str, Box], columns: Sequence[Column], top: float) -> list[Point]:
        first, last = boxes[edge[0]], boxes[edge[1]]
        points = [(first.x + first.width, first.y + first.height / 2)]
        for slot in self._way(edge)[1:-1]:
            column, y = columns[slot[1]], _tenth(self.y[slot] - top)
            points += [(column.x, y), (column.x + column.width, y)]
        return [*points, (last.x, last.y + last.height / 2)]


def _mean(near: Sequence[tuple[Slot, float]], places: Mapping[Slot, float], own: float) -> float:
    """Return the weighted mean of neighbours' places; the own one if there are none."""
    total = sum(weight for _, weight in near)
    return sum(places[slot] * weight for slot, weight in near) / total if total else own


def _settled(wishes: Sequence[tuple[float, float]], gaps: Sequence[float]) -> list[float]:
    """Return the heights nearest to those wished for, by least squares, that keep the order and the gaps.

    A wish is a height and how much it counts, a gap the least distance to the height before. Without the gaps it is
    isotonic regression, by pooling adjacent violators.
    """
    offsets = list(accumulate(gaps))
    blocks: list[tuple[float, float, int]] = []  # height, weight, number
    for (height, weight), offset in zip(wishes, offsets, strict=True):
        block = (height - offset, weight, 1)
        while blocks and blocks[-1][0] >= block[0]:
            other = blocks.pop()
            both = other[1] + block[1]
            block = ((other[0] * other[1] + block[0] * block[1]) / both, both, other[2] + block[2])
        blocks.append(block)
    heights = [height for height, _, number in blocks for _ in range(number)]
    return [height + offset for height, offset in zip(heights, offsets, strict=True)]


def _tenth(number: float) -> float:
    return round(number, 1)
