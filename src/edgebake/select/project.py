"""What selectors select from in a project: its images, each on a target and platform, and the recipes in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from functools import cached_property
from typing import NamedTuple

import networkx as nx

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.graph.build_graph import BakeTarget
from edgebake.graph.compile import Compilation
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.install import FETCH_TOOLS
from edgebake.graph.node import Node
from edgebake.plan.changes import State
from edgebake.plan.scope import Scope
from edgebake.select.grammar import PLATFORMS, Term
from edgebake.select.names import RecipeNames, matching, unknown

IMAGE = ""


class Cell(NamedTuple):
    """An image on one target and platform: what plan, bake and test select."""

    bake_target: str
    image: str
    target: str
    platform: str


class Item(NamedTuple):
    """A recipe in an image on one target and platform; the image itself if `recipe` is :data:`IMAGE`."""

    cell: Cell
    recipe: str


States = Mapping[Item, State]
_STATES: dict[str, frozenset[State]] = {
    "new": frozenset({"new"}),
    "modified": frozenset({"new", "direct", "indirect", "moved"}),
    "directly-modified": frozenset({"direct"}),
    "indirectly-modified": frozenset({"indirect"}),
    "moved": frozenset({"moved"}),
    "unmodified": frozenset({"same"}),
}


@dataclass
class ProjectItems:
    """The items of compiled images, and who needs whom.

    An image needs the recipes that it names, a recipe those that it requires, is compiled against and is built
    with.
    """

    compilation: Compilation
    scope: Scope  # the images that are looked at, each on some platforms
    find_states: Callable[[], States]  # returns what changed; called only if a term is about that
    graph: nx.DiGraph[Item] = field(default_factory=nx.DiGraph)
    held: set[Item] = field(default_factory=set)  # the images, and the recipes that are installed in them
    cells: list[Cell] = field(default_factory=list)

    def __post_init__(self) -> None:
        for target in self.scope.targets:
            self._add(target.bake_target, target.platforms)
        self._names = RecipeNames(self.compilation.workspace, {item.recipe for item in self.graph} - {IMAGE})

    def of(self, term: Term) -> frozenset[Item]:
        """Return the items that a term names.

        Raises:
            EdgebakeError: it names nothing that is known.
        """
        match term.method:
            case "name":
                return self._named(term)
            case "image":
                return self._images(self._known(term, self._all_images(), self._all_images()))
            case "target":
                targets = self._known(term, {cell.target for cell in self.cells}, self._target_names())
                return frozenset(item for item in self.graph if item.cell.target in targets)
            case "platform":
                platforms = self._known(term, {cell.platform for cell in self.cells}, PLATFORMS)
                return frozenset(item for item in self.graph if item.cell.platform in platforms)
            case "state":
                wanted = _STATES[term.value]
                return frozenset(item for item, state in self._states.items() if state in wanted)
        return self._recipes(self._names.of(term))

    def _add(self, bake_target: BakeTarget, platforms: Iterable[str]) -> None:
        plan = self.compilation.plan_of(bake_target)
        nodes = self.compilation.graph.needed_by(bake_target.target, [bake_target.stage])
        for platform in platforms:
            cell = Cell(bake_target.name, bake_target.image, bake_target.target, platform)
            self.cells.append(cell)
            needs = self._needs_in(plan, platform, nodes)
            there = {**needs, IMAGE: _roots(plan, platform)}
            for name, needed in there.items():
                self.graph.add_node(Item(cell, name))
                self.graph.add_edges_from((Item(cell, one), Item(cell, name)) for one in needed & needs.keys())
            installed = (IMAGE, *plan.resolutions[platform].installed)
            self.held.update(Item(cell, name) for name in installed)

    def _needs_in(self, plan: ImagePlan, platform: str, nodes: Iterable[Node]) -> dict[str, set[str]]:
        """Return the recipes that have to do with an image on a platform, tools too, and what each needs."""
        here = [node for node in nodes if platform in node.bodies and not node.bodies[platform].empty]
        pins = {node.recipe: pin for node in here if (pin := node.pins.get(platform)) is not None}
        pins |= plan.resolutions[platform].pins
        needs: dict[str, set[str]] = {name: {*pin.requires, *pin.libraries} for name, pin in pins.items()}
        for node in here:
            if node.recipe and node.kind in ("build", "fetch"):
                needs[node.recipe] |= set(self._tools(node, platform)) & needs.keys()
        return needs

    def _tools(self, node: Node, platform: str) -> Iterator[str]:
        """Yield what a recipe's heavy half is made with."""
        build = node.pins[platform].recipe.build
        tools = (tool.requirement for tool in FETCH_TOOLS) if node.kind == "fetch" else build.tools if build else ()
        catalogue = self.compilation.workspace.catalogue
        yield from (catalogue.canonical(tool.name) or tool.name for tool in tools)

    @cached_property
    def _states(self) -> States:
        return {item: state for item, state in self.find_states().items() if item in self.graph}

    def _named(self, term: Term) -> frozenset[Item]:
        images, is_recipe = matching(term.value, self._all_images()), self._names.exists(term.value)
        if not images and not is_recipe:
            raise self._unknown_name(term)
        return self._images(images) | self._recipes(self._names.named(term) if is_recipe else set())

    def _unknown_name(self, term: Term) -> EdgebakeError:
        for method, names in (("target", self._target_names()), ("platform", PLATFORMS)):
            if matching(term.value, names):
                return unknown(term, (), "image or recipe", f"for a {method}, write {method}:{term.value}")
        known = [*self._all_images(), *self.compilation.workspace.catalogue.known_names()]
        return unknown(term, known, "image or recipe")

    def _all_images(self) -> list[str]:
        return list(self.compilation.workspace.project.images)

    def _target_names(self) -> list[str]:
        return self.compilation.workspace.catalogue.target_names()

    def _known(self, term: Term, there: Iterable[str], known: Iterable[str]) -> set[str]:
        """Return what is there of what a term names; an EdgebakeError if it names nothing that is known."""
        found = matching(term.value, there)
        if not found and not matching(term.value, known):
            raise unknown(term, known, term.method)
        return found

    def _images(self, names: set[str]) -> frozenset[Item]:
        return frozenset(Item(cell, IMAGE) for cell in self.cells if cell.image in names)

    def _recipes(self, names: set[str]) -> frozenset[Item]:
        return frozenset(item for item in self.graph if item.recipe in names and item.recipe != IMAGE)


def _roots(plan: ImagePlan, platform: str) -> set[str]:
    """Return the recipes that an image names itself."""
    resolution = plan.resolutions[platform]
    own = (ask.name for ask in resolution.asks if ask.parent is None and ask.kind == "run")
    return {resolution.stands_for.get(name, name) for name in own}
