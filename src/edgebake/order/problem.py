"""The problem of ordering install lines: what an order costs, and what every order costs at least.

Lines that begin alike share their stages, so the lines of all images form a trie. Each of its nodes is a stage: it
is built once at first, and again whenever its recipe or one in front of it changes. So a line ``r1 … rk`` that
shares nothing costs ``Σ load(ri) · (1 + Σ changes(rj), j ≤ i)``, and what two lines share is paid once.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

from edgebake.order.load import Load

Line = tuple[str, ...]


@dataclass(frozen=True)
class Packages:
    """Python packages that recipes bring: the first one in a line that needs a package owns it.

    Attributes:
        needs: the packages of each recipe, with all that these need.
        texts: what is installed for each package.
    """

    needs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    def owned(self, recipe: str, before: Iterable[str]) -> frozenset[str]:
        """Return what a recipe installs behind others."""
        own = self.needs.get(recipe)
        if not own:
            return frozenset()
        left = own.difference(*(self.needs.get(one, frozenset()) for one in before))
        return frozenset(self.texts.get(name, name) for name in left)


@dataclass(frozen=True)
class OrderedImage:
    """An image whose line is to be ordered.

    Attributes:
        name: the image.
        line: its recipes in an order that is possible.
        before: pairs of recipes of which the first has to stand in front of the second.
        contents: what each recipe's stage is by itself: stages are shared by lines only if that is equal.
        packages: its Python packages, by platform.
    """

    name: str
    line: Line
    before: frozenset[tuple[str, str]] = frozenset()
    contents: Mapping[str, Hashable] = field(default_factory=dict)
    packages: tuple[Packages, ...] = ()

    @cached_property
    def waits(self) -> dict[str, frozenset[str]]:
        """What has to be in front of each recipe, directly or not."""
        found: dict[str, set[str]] = {name: set() for name in self.line}
        for name in self.line:  # a possible order: what is in front is complete
            for first, second in self.before:
                if second == name and first in found:
                    found[name] |= {first, *found[first]}
        return {name: frozenset(own) for name, own in found.items()}

    def label(self, recipe: str, before: Collection[str]) -> Hashable:
        """Return what a recipe's stage is behind others; equal stages behind equal ones are one."""
        ahead = self._rivals[recipe].intersection(before) if recipe in self._rivals else frozenset()
        key = (recipe, ahead)
        if key not in self._labels:
            owned = tuple(packages.owned(recipe, ahead) for packages in self.packages)
            self._labels[key] = (recipe, self.contents.get(recipe), owned)
        return self._labels[key]

    @cached_property
    def _rivals(self) -> dict[str, frozenset[str]]:
        """Which other recipes need a package that a recipe needs, too."""
        found: dict[str, set[str]] = {}
        for packages in self.packages:
            for one, two in combinations(sorted(packages.needs), 2):
                if packages.needs[one] & packages.needs[two]:
                    found.setdefault(one, set()).add(two)
                    found.setdefault(two, set()).add(one)
        return {recipe: frozenset(rivals) for recipe, rivals in found.items()}

    @cached_property
    def _labels(self) -> dict[Hashable, Hashable]:
        return {}

    def allows(self, line: Sequence[str]) -> bool:
        """Tell whether a line has just the image's recipes, each behind all that it waits for."""
        seen: set[str] = set()
        for name in line:
            if not self.waits.get(name, frozenset()) <= seen:
                return False
            seen.add(name)
        return seen == set(self.line) and len(line) == len(seen)


@dataclass(frozen=True)
class Problem:
    """Images whose stages can be shared, and what their recipes' stages cost.

    `loads` are by recipe; what is the same recipe in two images costs the same.
    """

    images: tuple[OrderedImage, ...]
    loads: Mapping[str, Load]

    def cost(self, lines: Sequence[Line]) -> float:
        """Return what an order costs: a line for each image, in the images' order."""
        return sum(node.cost for node in self.nodes(lines))

    def nodes(self, lines: Sequence[Line]) -> Iterator[TrieNode]:
        """Yield the stages of an order, each once."""
        ends: dict[tuple[int, Hashable], int] = {}  # nodes by the one in front and what they are
        for image, line in zip(self.images, lines, strict=True):
            node, changes = 0, 0.0
            for place, recipe in enumerate(line):
                key = (node, image.label(recipe, line[:place]))
                changes += self.loads[recipe].changes
                if key not in ends:
                    ends[key] = len(ends) + 1
                    yield TrieNode(recipe, self.loads[recipe].once * (1 + changes))
                node = ends[key]

    def lower_bound(self) -> float:
        """Return what no order can go below.

        The sum of: each different stage once, with its own changes; of each two recipes that are in one image, the
        cheaper way to have one in front of the other; and what has to be there twice: if two recipes are together
        in some image and each is without the other in another one, one of them has two stages at least. Which ones
        is bounded from below by a packing of such pairs (Bar-Yehuda and Even, 1981).
        """
        stages = _Stages(self)
        return stages.once() + stages.in_front() + stages.twice()


@dataclass(frozen=True)
class TrieNode:
    """A stage: its recipe, and what it costs."""

    recipe: str
    cost: float


Stage = tuple[str, Hashable]
"""A recipe with what its stage is by itself, whatever is in front of it."""


class _Stages:
    """What a bound is made of. Python packages are left out: whoever owns them, the stage is there."""

    def __init__(self, problem: Problem) -> None:
        self._loads = problem.loads
        self._users: dict[Stage, set[int]] = {}
        self._pairs: dict[tuple[Stage, Stage], list[tuple[bool, bool]]] = {}
        for number, image in enumerate(problem.images):
            stages = sorted(((name, image.contents.get(name)) for name in image.line), key=repr)
            for stage in stages:
                self._users.setdefault(stage, set()).add(number)
            for one, two in combinations(stages, 2):
                fixed = one[0] in image.waits[two[0]], two[0] in image.waits[one[0]]
                self._pairs.setdefault((one, two), []).append(fixed)

    def _single(self, stage: Stage) -> float:
        load = self._loads[stage[0]]
        return load.once * (1 + load.changes)

    def once(self) -> float:
        return sum(map(self._single, self._users))

    def in_front(self) -> float:
        total = 0.0
        for (one, two), fixed in self._pairs.items():
            behind = self._loads[one[0]].changes * self._loads[two[0]].once
            ahead = self._loads[two[0]].changes * self._loads[one[0]].once
            ways = [cost for cost, here in ((behind, 0), (ahead, 1)) if any(one[here] for one in fixed)]
            total += sum(ways) if ways else min(behind, ahead)
        return total

    def twice(self) -> float:
        """Return the packing: each pair takes from both what the lighter one has left."""
        left = {stage: self._single(stage) for stage in self._users}
        total = 0.0
        for one, two in sorted(self._pairs, key=lambda pair: (-min(map(self._single, pair)), repr(pair))):
            either = self._doubled(one, two)
            if either:
                paid = min(left[stage] for stage in either)
                total += paid
                for stage in either:
                    left[stage] -= paid
        return total

    def _doubled(self, one: Stage, two: Stage) -> list[Stage]:
        """Return the stages of a pair of which one, at least, is there twice; none if both may be there once."""
        fixed = self._pairs[one, two]
        one_first = self._users[two] <= self._users[one] and not any(second for _, second in fixed)
        two_first = self._users[one] <= self._users[two] and not any(first for first, _ in fixed)
        if one_first or two_first:
            return []
        if any(first for first, _ in fixed) and not self._users[two] <= self._users[one]:
            return [two]  # behind the first one somewhere, and without it elsewhere
        if any(second for _, second in fixed) and not self._users[one] <= self._users[two]:
            return [one]
        return [one, two]
