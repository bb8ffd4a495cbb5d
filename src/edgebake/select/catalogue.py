"""What a selector means to `edgebake list`: recipes of the whole catalogue, targets, images."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import cached_property

import networkx as nx

from edgebake.dataclasses import dataclass
from edgebake.load.workspace import Workspace
from edgebake.resolve.candidates import CandidatePool
from edgebake.select.evaluate import reached
from edgebake.select.grammar import PLATFORMS, Term
from edgebake.select.names import RecipeNames, matching, unknown
from edgebake.select.project import IMAGE, Item, ProjectItems


@dataclass
class CatalogueItems:
    """All recipes, by name, and who asks for whom in any of its releases.

    An image stands for the recipes in it, a target or platform for those that exist there.
    """

    workspace: Workspace  # the project, or an empty one for the built-in catalogue
    make_project: Callable[[], ProjectItems]  # called only if a term is about the project's images

    def __post_init__(self) -> None:
        self._catalogue = self.workspace.catalogue
        self._names = RecipeNames(self.workspace)

    @cached_property
    def project(self) -> ProjectItems:
        """The items of the project's images."""
        return self.make_project()

    def of(self, term: Term) -> frozenset[str]:
        """Return the recipes that a term names.

        Raises:
            EdgebakeError: it names nothing that is known.
        """
        match term.method:
            case "name":
                return self._named(term)
            case "image" | "state":
                return frozenset(self.in_images(self.project.of(term)))
            case "target":
                return self.on(self.named_targets(term), PLATFORMS)
            case "platform":
                return self.on(self._catalogue.target_names(), _matching(term, PLATFORMS, "platform"))
        return frozenset(self._names.of(term))

    def named_targets(self, term: Term) -> set[str]:
        """Return the targets that a term's method and value name: by their names, or by a platform of theirs.

        Raises:
            EdgebakeError: there is no such target or platform.
        """
        names = self._catalogue.target_names()
        if term.method != "platform":
            return _matching(term, names, "target")
        platforms = _matching(term, PLATFORMS, "platform")
        return {name for name in names if platforms.intersection(self._catalogue.target(name).target.platforms)}

    def is_image(self, term: Term) -> bool:
        """Tell whether a term's value names images of the project."""
        return bool(matching(term.value, self.workspace.project.images))

    def on(self, targets: Iterable[str], platforms: Iterable[str]) -> frozenset[str]:
        """Return the recipes that exist on any of some targets, on any of some platforms."""
        missing, wanted = set(self._catalogue.recipe_names()), set(platforms)
        for name in sorted(targets):
            target = self._catalogue.target(name).target
            for platform in sorted(wanted.intersection(target.platforms)):
                pool = CandidatePool(self._catalogue, target, platform)
                missing -= {recipe for recipe in missing if pool.candidates(recipe)}
        return frozenset(set(self._catalogue.recipe_names()) - missing)

    def in_images(self, items: Iterable[Item]) -> set[str]:
        """Return the recipes among items of the project, and those in the images among them."""
        found = set(items)
        images = {item.cell for item in found if item.recipe == IMAGE}
        held = {item for item in self.project.held if item.cell in images}
        return {item.recipe for item in found | held} - {IMAGE}

    def _named(self, term: Term) -> frozenset[str]:
        found = self._names.named(term) if self._names.exists(term.value) else set()
        if self.is_image(term):
            return frozenset(found | self.in_images(self.project.of(term)))
        if not found:
            known = [*self.workspace.project.images, *self._catalogue.known_names()]
            raise unknown(term, known, "image or recipe")
        return frozenset(found)

    @cached_property
    def graph(self) -> nx.DiGraph[str]:
        """The recipes; edges lead from one to those that ask for it."""
        graph: nx.DiGraph[str] = nx.DiGraph()
        for loaded in self._catalogue.all_recipes():
            graph.add_node(loaded.name)
            names = (name for _, wanted in loaded.recipe.wanted() for name in self._meant(wanted.name))
            graph.add_edges_from((name, loaded.name) for name in names)
        return graph

    def _meant(self, name: str) -> list[str]:
        canonical = self._catalogue.canonical(name)
        return [canonical] if canonical else [loaded.name for loaded in self._catalogue.providers(name)]


def _matching(term: Term, names: Collection[str], kind: str) -> set[str]:
    found = matching(term.value, names)
    if not found:
        raise unknown(term, names, kind)
    return found


def targets_of(term: Term, items: CatalogueItems, every: frozenset[str]) -> frozenset[str]:
    """Return the targets that a term selects: for a recipe those where it exists, for an image its own.

    Raises:
        EdgebakeError: it names nothing that is known.
    """
    if term.method == "target" or (term.method == "name" and matching(term.value, every)):
        return frozenset(items.named_targets(term))
    if term.method == "platform":
        return every & items.named_targets(term)
    if term.method in ("image", "state") or (term.method == "name" and items.is_image(term)):
        return frozenset(item.cell.target for item in reached(term, items.project))
    recipes = reached(term, items)
    return frozenset(name for name in every if items.on([name], PLATFORMS) & recipes)
