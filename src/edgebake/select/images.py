"""What a selector means to plan, bake and test: images, each on a target and platform.

A recipe stands for the images that hold it, and `recipe+2` for those at most two steps away from it. Commas, spaces
and `--exclude` are about images: `a,b` are the images that hold both.
"""

from __future__ import annotations

from collections.abc import Mapping

from edgebake.errors import EdgebakeError
from edgebake.plan.builder import Plan
from edgebake.plan.changes import SEVERITY, State
from edgebake.plan.scope import Scope
from edgebake.select.evaluate import combined, reached
from edgebake.select.grammar import Asked, Term, terms_of
from edgebake.select.project import IMAGE, Cell, Item, ProjectItems, States

_OF_IMAGES = ("new", "unmodified")  # states that an image has as a whole


def picked(items: ProjectItems, scope: Scope) -> Scope:
    """Return the part of a scope that its request's selectors match.

    Args:
        items: the scope's images and recipes.
        scope: what the request comes to without its selectors.

    Raises:
        EdgebakeError: a selector is wrong, names something undefined, or matches nothing.
    """
    asked = Asked.of(scope.request)
    cells, silent = picked_cells(asked, items)
    notes = [f"the selector {term.text!r} matches no image{why}" for term, why in silent.items()]
    if not cells:
        notes = [_nothing_picked(asked, silent)]
    return scope.selected(((cell.bake_target, cell.platform) for cell in cells), f"selected by {asked}", notes)


def picked_cells(asked: Asked, items: ProjectItems) -> tuple[frozenset[Cell], dict[Term, str]]:
    """Return the images that selectors pick, and the terms that pick none, with what is to say of each.

    Raises:
        EdgebakeError: a term names what there is not.
    """
    found = {term: _cells(term, items) for term in asked.terms}
    cells = combined(asked.select, asked.exclude, frozenset(items.cells), found.__getitem__)
    silent = [term for term in terms_of(asked.select) if not found[term] and term.method != "state"]
    return cells, {term: _why_silent(term, items) for term in silent}


def _cells(term: Term, items: ProjectItems) -> frozenset[Cell]:
    """Return the images that a term picks."""
    found = reached(term, items)
    whole = term.method == "state" and term.value in _OF_IMAGES
    if whole or term.down is not None:
        return frozenset(item.cell for item in found if item.recipe == IMAGE)
    return frozenset(item.cell for item in found & items.held)


# ── what changed


def states_of(plan: Plan) -> States:
    """Return the worst state of the stages of each recipe and image in a plan."""
    found: dict[Item, State] = {}
    bases: dict[Cell, State] = {}
    for target in plan.targets:
        one = target.bake_target
        for change in target.changes:
            cell = Cell(one.name, one.image, one.target, change.platform)
            if change.node.recipe or change.node.kind == "image":
                item = Item(cell, change.node.recipe or IMAGE)
                found[item] = max(found.get(item, "same"), change.state, key=SEVERITY.index)
            elif change.node.kind == "base":
                bases[cell] = change.state
    for cell, state in bases.items():
        image = Item(cell, IMAGE)
        if state not in ("same", "moved") and found[image] != "new":
            found[image] = "direct"  # another base image is the image's own change, and no recipe's
    return found


# ── what is said of nothing


def _why_silent(term: Term, items: ProjectItems) -> str:
    if term.down is not None or term.method in ("target", "platform", "image"):
        return ""
    if items.of(term):
        return f": it is installed in none; {term.text}+ matches those that are built with it"
    return ": none holds such a recipe"


def _nothing_picked(asked: Asked, silent: Mapping[Term, str]) -> str:
    """Return what to say if no image is picked; an EdgebakeError unless a `state:`, which changes, is asked for."""
    if any(term.method == "state" for term in asked.terms):
        return f"{asked}: no image is in that state"
    hints = ["what there is: edgebake list images"]
    if any(len(group) > 1 for group in asked.select):
        hints.insert(0, "a comma means both; a space, or the option once more, means either")
    several = len(asked.terms) > 1
    reasons = [f"{term.text}{why}" if several else why.removeprefix(": ") for term, why in silent.items() if why]
    raise EdgebakeError(f"{asked} matches no image", reason="\n".join(reasons) or None, hints=hints)
