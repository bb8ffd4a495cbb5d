"""What `list` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgebake.cli.console import Renderable, table
from edgebake.model.output.explore import BuiltOn, List, ListedImage, ListedRecipe, ListedTarget, Uncited
from edgebake.text.words import counted

if TYPE_CHECKING:
    from edgebake.lint.citations import Fact

_WORDS = {
    "verified": "built and tested",
    "stale": "changed since it was built",
    "failed": "failed",
    "checked only": "not built yet",
}
_SHOWN = 3  # releases of a recipe


def text(output: List) -> Renderable:
    """Return what is listed as a table."""
    if output.recipes is not None:
        return _recipes(output.recipes)
    if output.targets is not None:
        return _targets(output.targets)
    if output.images is not None:
        return _images(output.images)
    rows = [(fact.recipe, fact.kind, fact.at, fact.fact) for fact in output.uncited or ()]
    return table(("RECIPE", "KIND", "AT", "FACT"), rows, wrap=("AT", "FACT")) if rows else ""


def uncited_data(facts: Sequence[tuple[str, Fact]]) -> List:
    """Return facts of recipes as published."""
    found = [Uncited(recipe=recipe, kind=fact.kind, at=str(fact.at), fact=fact.text) for recipe, fact in facts]
    return List(version=1, uncited=found)


def uncited_count(uncited: int, facts: int, recipes: int) -> str:
    """Return how many facts are uncited."""
    verb = "is" if uncited == 1 else "are"
    return f"{uncited} of {counted(facts, 'fact')} of {counted(recipes, 'recipe')} {verb} uncited"


def _recipes(recipes: Sequence[ListedRecipe]) -> Renderable:
    rows = [(r.group, r.name, _some(r.releases), r.summary, proof_text(r.built)) for r in recipes]
    header = ("GROUP", "RECIPE", "RELEASES", "SUMMARY", "PROOF")
    return table(header, rows, wrap=("RELEASES", "SUMMARY", "PROOF"))


def _some(releases: Sequence[str]) -> str:
    more = f" +{len(releases) - _SHOWN}" if len(releases) > _SHOWN else ""
    return ", ".join(releases[:_SHOWN]) + more


def _targets(targets: Sequence[ListedTarget]) -> Renderable:
    rows = [
        (t.name, ", ".join(p.split("/")[1] for p in t.platforms), t.cuda or "-", t.python or "-", t.summary)
        for t in targets
    ]
    return table(("TARGET", "PLATFORMS", "CUDA", "PYTHON", "SUMMARY"), rows, wrap=("SUMMARY",))


def _images(images: Sequence[ListedImage]) -> Renderable:
    rows = [(i.name, ", ".join(i.recipes), ", ".join(i.targets), i.summary or "") for i in images]
    return table(("IMAGE", "RECIPES", "TARGETS", "SUMMARY"), rows, wrap=("RECIPES", "TARGETS", "SUMMARY"))


def proof_text(built: Sequence[BuiltOn]) -> str:
    """Return the states of a recipe, with the targets and platforms where it has them."""
    states = dict.fromkeys(state for state in _WORDS if any(one.state == state for one in built))
    parts = [f"{_WORDS[state]}: {', '.join(_where(built, state))}" for state in states]
    return "; ".join(parts) or _WORDS["checked only"]


def _where(built: Sequence[BuiltOn], state: str) -> list[str]:
    return sorted(_platform(where) for where in built if where.state == state)


def _platform(where: BuiltOn) -> str:
    given = f" (with {', '.join(where.given)})" if where.given else ""
    return f"{where.target} {where.platform.split('/')[1]}{given}"
