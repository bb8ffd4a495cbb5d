"""Finds an order that shares much: exactly where the problem is small, else from several beginnings, improved.

Everything is deterministic: ties go to the image, and then to the recipe, that is named first.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from edgebake.order.problem import Line, OrderedImage, Problem

STATES = 20_000
"""Partial orders that an exact search looks at before it gives up."""
ROUNDS = 20
"""Times that each line is put anew, at most; it ends when nothing gets better."""
_NONE = 1e-9  # costs that differ by less are equal


@dataclass(frozen=True)
class Order:
    """An order that was found.

    Attributes:
        lines: one for each image, in the problem's order.
        cost: what it costs.
        bound: what no order can go below; its own cost if it is the best.
    """

    lines: tuple[Line, ...]
    cost: float
    bound: float

    @property
    def within(self) -> float:
        """Its cost is at most so many times that of the best."""
        return max(1.0, self.cost / self.bound) if self.bound > 0 else 1.0


def best_order(problem: Problem, *, states: int = STATES) -> Order:
    """Return the best order that is found; never a worse one than the images' own lines.

    Args:
        problem: what is ordered.
        states: how far an exact search goes.
    """
    exact = _Exact(problem, states).order()
    if exact is not None:
        cost = problem.cost(exact)
        return Order(exact, cost, cost)
    beginnings = [tuple(image.line for image in problem.images), _greedy(problem), _by_ratio(problem)]
    found = [_improved(problem, lines) for lines in beginnings]
    best = min(found, key=lambda lines: round(problem.cost(lines), 6))
    return Order(best, problem.cost(best), min(problem.lower_bound(), problem.cost(best)))


# ── exactly


class _TooLargeError(Exception):
    pass


class _Exact:
    """Looks at every trie: of the images that have come to one node, some go on with one recipe, the others do not.

    Args:
        problem: what is ordered.
        states: pairs of images and recipes in front of them that are looked at before it gives up.
    """

    def __init__(self, problem: Problem, states: int) -> None:
        self._problem = problem
        self._images = problem.images
        self._states = states
        self._known: dict[tuple[tuple[int, ...], frozenset[str]], tuple[float, dict[int, Line]]] = {}
        self._looked = 0

    def order(self) -> tuple[Line, ...] | None:
        """Return the best order, None if there is too much to look at."""
        try:
            _, lines = self._best(tuple(range(len(self._images))), frozenset())
        except (_TooLargeError, RecursionError):
            return None
        return tuple(lines[number] for number in range(len(self._images)))

    def _best(self, group: tuple[int, ...], placed: frozenset[str]) -> tuple[float, dict[int, Line]]:
        """Return the cost of what follows `placed` for a group of images, and their lines from there on."""
        ended = [number for number in group if len(self._images[number].line) == len(placed)]
        group = tuple(number for number in group if number not in ended)
        if not group:
            return 0.0, dict.fromkeys(ended, ())
        key = (group, placed)
        if key not in self._known:
            self._known[key] = min(self._ways(group, placed), key=lambda way: round(way[0], 9))
        cost, lines = self._known[key]
        return cost, {**lines, **dict.fromkeys(ended, ())}

    def _ways(self, group: tuple[int, ...], placed: frozenset[str]) -> Iterator[tuple[float, dict[int, Line]]]:
        loads = self._problem.loads
        changes = sum(loads[name].changes for name in placed)
        for recipe in _next(self._images[group[0]], placed):
            own = loads[recipe].once * (1 + changes + loads[recipe].changes)
            for together in self._together(group, recipe, placed):
                self._looked += 1
                if self._looked > self._states:
                    raise _TooLargeError
                cost, lines = self._best(together, placed | {recipe})
                rest, others = self._best(tuple(n for n in group if n not in together), placed)
                shown = {number: (recipe, *lines[number]) for number in together}
                yield own + cost + rest, {**shown, **others}

    def _together(self, group: tuple[int, ...], recipe: str, placed: frozenset[str]) -> Iterator[tuple[int, ...]]:
        """Yield the sets of images that can go on with a recipe as the group's first one does, with it."""
        first, *others = group
        label = self._images[first].label(recipe, placed)
        able = [
            number
            for number in others
            if recipe in _next(self._images[number], placed) and self._images[number].label(recipe, placed) == label
        ]
        if len(able) > self._states.bit_length():
            raise _TooLargeError
        for chosen in range(1 << len(able)):
            yield (first, *(number for bit, number in enumerate(able) if chosen >> bit & 1))


def _next(image: OrderedImage, placed: Collection[str]) -> list[str]:
    """Return the recipes that can follow those that are placed."""
    return [name for name in image.line if name not in placed and image.waits[name] <= set(placed)]


# ── beginnings


def _greedy(problem: Problem) -> tuple[Line, ...]:
    """Return an order in which at each node the stage comes next that saves most for the images that are there."""
    lines: dict[int, Line] = {}
    todo: list[tuple[list[int], Line]] = [(list(range(len(problem.images))), ())]
    while todo:
        group, line = todo.pop()
        placed = frozenset(line)
        ended = [number for number in group if len(problem.images[number].line) == len(line)]
        lines.update(dict.fromkeys(ended, line))
        group = [number for number in group if number not in ended]
        if not group:
            continue
        users: dict[Hashable, list[int]] = {}
        names: dict[Hashable, str] = {}
        for number in group:
            for name in _next(problem.images[number], placed):
                label = problem.images[number].label(name, placed)
                users.setdefault(label, []).append(number)
                names.setdefault(label, name)
        best = max(users, key=lambda label: round(_saving(problem, names[label], len(users[label])), 9))
        todo.append(([number for number in group if number not in users[best]], line))
        todo.append((users[best], (*line, names[best])))
    return tuple(lines[number] for number in range(len(problem.images)))


def _saving(problem: Problem, recipe: str, users: int) -> float:
    """Return how good it is to have a recipe in front: what sharing saves, and what its changes cost behind it."""
    load = problem.loads[recipe]
    return (users - 1) * load.once + load.once / (1 + load.changes) / 1000 if users > 1 else -load.changes


def _by_ratio(problem: Problem) -> tuple[Line, ...]:
    """Return each image's line as if it were alone: what changes seldom and weighs much in front (Smith's rule)."""
    return tuple(_tail(problem, image, ()) for image in problem.images)


def _tail(problem: Problem, image: OrderedImage, prefix: Line) -> Line:
    """Return a line that begins with `prefix`, and goes on with what changes least for its weight."""
    line = list(prefix)
    loads = problem.loads
    while len(line) < len(image.line):
        able = _next(image, line)
        line.append(min(able, key=lambda name: round(loads[name].changes / (loads[name].once or 1e-9), 9)))
    return tuple(line)


# ── getting better


@dataclass
class _Node:
    """A node of the trie of other images' lines: the ways on, by what stands there."""

    children: dict[Hashable, tuple[str, _Node]] = field(default_factory=dict)


def _improved(problem: Problem, lines: Sequence[Line]) -> tuple[Line, ...]:
    """Return the order after each line was put anew, in turns, where it costs least beside the others."""
    found = list(lines)
    cost = problem.cost(found)
    for _ in range(ROUNDS):
        before = cost
        for number, image in enumerate(problem.images):
            root = _trie(problem, [(i, line) for i, line in enumerate(found) if i != number])
            line = min(_places(problem, image, root), key=lambda one: one[0])[1]
            tried = [*found[:number], line, *found[number + 1 :]]
            if (now := problem.cost(tried)) < cost - _NONE:
                found, cost = tried, now
        if cost >= before - _NONE:
            break
    return tuple(found)


def _trie(problem: Problem, lines: Sequence[tuple[int, Line]]) -> _Node:
    root = _Node()
    for number, line in lines:
        node = root
        for place, recipe in enumerate(line):
            label = problem.images[number].label(recipe, line[:place])
            node = node.children.setdefault(label, (recipe, _Node()))[1]
    return root


def _places(problem: Problem, image: OrderedImage, root: _Node) -> Iterator[tuple[float, Line]]:
    """Yield every way along the trie that an image can go, with its own rest behind it, and what the rest costs."""
    todo: list[tuple[_Node, Line]] = [(root, ())]
    while todo:
        node, prefix = todo.pop()
        line = _tail(problem, image, prefix)
        yield round(_cost_behind(problem, line, len(prefix)), 9), line
        able = set(_next(image, prefix))
        for label, (recipe, child) in reversed(node.children.items()):
            if recipe in able and image.label(recipe, prefix) == label:
                todo.append((child, (*prefix, recipe)))


def _cost_behind(problem: Problem, line: Line, shared: int) -> float:
    """Return what a line's stages cost behind those that it shares."""
    changes, cost = 0.0, 0.0
    for place, recipe in enumerate(line):
        changes += problem.loads[recipe].changes
        if place >= shared:
            cost += problem.loads[recipe].once * (1 + changes)
    return cost
