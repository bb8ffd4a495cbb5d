"""Why stages are built: the strongest reason of several changes, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgebake.plan.changes import SEVERITY, StageChange, State


@dataclass(frozen=True)
class Cause:
    """An input, a recipe or a part of one that changed. `recipe` says whose input it is, if that is unclear."""

    what: str
    recipe: str = ""


@dataclass(frozen=True)
class Reason:
    """Why stages are built, or not, on some platforms: their state and what caused it."""

    state: State
    causes: tuple[Cause, ...]
    platforms: tuple[str, ...]


def worst_state(changes: Sequence[StageChange]) -> State:
    """Return the state of what changed most; `same` if there are no changes."""
    return max((change.state for change in changes), key=SEVERITY.index, default="same")


def reasons(changes: Sequence[StageChange], *, several: bool = False) -> tuple[Reason, ...]:
    """Return the strongest reason on each platform; platforms with the same reason are together.

    Args:
        changes: changes that are shown as one.
        several: whether they are of several recipes, so that a cause has to name its own.
    """
    found: dict[tuple[State, tuple[Cause, ...]], list[str]] = {}
    for platform in dict.fromkeys(change.platform for change in changes):
        here = [change for change in changes if change.platform == platform]
        state = worst_state(here)
        causes = _causes([change for change in here if change.state == state], several)
        found.setdefault((state, causes), []).append(platform)
    return tuple(Reason(state, causes, tuple(platforms)) for (state, causes), platforms in found.items())


def _causes(changes: Sequence[StageChange], several: bool) -> tuple[Cause, ...]:
    """Return the causes of changes in one state, each once."""
    causes: dict[Cause, None] = {}
    for change in changes:
        recipe = change.node.recipe if several and change.state == "direct" else ""
        causes |= dict.fromkeys(Cause(what, recipe) for what in change.causes)
    # If another recipe changed, what follows from that in the recipe's own parts needs no mention.
    others = tuple(cause for cause in causes if not cause.what.startswith("its "))
    return others or tuple(causes)
