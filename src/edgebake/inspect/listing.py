"""What there is: recipes with what was really built of them, targets, and the project's images."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from edgebake.errors import EdgebakeError
from edgebake.load.catalogue import builtin_root
from edgebake.load.workspace import Workspace, open_workspace
from edgebake.model.target import Target
from edgebake.testing.verified import STATES, Key, State, Verification, read_verified, state_of

States = Mapping[tuple[str, str], State]


@dataclass(frozen=True)
class RecipeRow:
    """A recipe. `releases` are the newest first; `given` is what stood beside it where it was built.

    Whether that still holds is found when it is asked for (`find_states`): the recipe is compiled for that.
    """

    name: str
    group: str
    summary: str
    releases: tuple[str, ...]
    find_states: Callable[[], States]
    given: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def states(self) -> States:
        """Its states by target and platform, where it was ever built."""
        return self.find_states()

    @property
    def state(self) -> State:
        """The worst of its states; `checked only` if it was never built."""
        return max(self.states.values(), key=STATES.index, default="checked only")

    @property
    def proof(self) -> str:
        """Its state, for people."""
        if not self.states:
            return "checked only"
        return "; ".join(self._told(state) for state in STATES if state in self.states.values())

    def _told(self, state: State) -> str:
        words = {"verified": "built and tested", "stale": "stale, was built"}.get(state, state)
        places = sorted(self._place(*key) for key, found in self.states.items() if found == state)
        return f"{words}: {', '.join(places)}"

    def _place(self, target: str, platform: str) -> str:
        given = self.given.get((target, platform))
        beside = f" (with {', '.join(given)})" if given else ""
        return f"{target} {platform.split('/')[1]}{beside}"


def recipe_rows(
    workspace: Workspace,
    *,
    target: str | None = None,
    group: str | None = None,
    names: Collection[str] | None = None,
    record: Path | None = None,
) -> list[RecipeRow]:
    """Return the recipes, by group and name.

    Args:
        workspace: the project, or an empty one for the built-in catalogue.
        target: only recipes that exist on this target, with their releases there.
        group: only recipes of this group.
        names: only these recipes; no other one is read.
        record: the folder with the record of what was built; the built-in catalogue's if None.

    Raises:
        EdgebakeError: an unknown target; a recipe's file, or the record of what was built, is wrong.
    """
    catalogue = workspace.catalogue
    profile = catalogue.target(target).target if target else None
    records = read_verified(record or builtin_root() / "recipes")
    builtin = open_workspace(Path(os.devnull), need_project=False)  # where no project can be
    rows = []
    for name in catalogue.recipe_names() if names is None else names:
        recipe = catalogue.recipe(name).recipe
        if group not in (None, recipe.group):
            continue
        releases = _releases(workspace, name, profile)
        if releases is not None:
            own = {key: one for key, one in records.items() if key[0] == name and target in (None, key[1])}
            find = partial(_states, builtin, own)
            given = {key[1:]: one.given for key, one in own.items() if one.given}
            rows.append(RecipeRow(name, recipe.group, recipe.summary, releases, find, given))
    return sorted(rows, key=lambda row: (row.group, row.name))


def _releases(workspace: Workspace, name: str, profile: Target | None) -> tuple[str, ...] | None:
    """Return a recipe's releases on a target, None if it has none there; without a target all that its file has."""
    loaded = workspace.catalogue.recipe(name)
    if profile is None:
        declared = () if callable(loaded.recipe.releases) else loaded.recipe.releases
        return tuple(release.version for release in declared if release.version != "0")
    from edgebake.resolve.candidates import CandidatePool

    pools = [CandidatePool(workspace.catalogue, profile, platform) for platform in profile.platforms]
    found = [candidate for pool in pools for candidate in pool.candidates(name)]
    if not found:
        return None
    return tuple(dict.fromkeys(c.version for c in found)) if loaded.is_versioned else ()


def _states(builtin: Workspace, records: Mapping[Key, Verification]) -> States:
    """Return the states of a recipe by target and platform; none if it has no record."""
    return dict(_each_state(builtin, records)) if records else {}


def _each_state(builtin: Workspace, records: Mapping[Key, Verification]) -> Iterator[tuple[tuple[str, str], State]]:
    for recipe, target, given in sorted({(one.recipe, one.target, one.given) for one in records.values()}):
        fingerprints = _fingerprints(builtin, recipe, target, given)
        there = {key for key, record in records.items() if (key[1], record.given) == (target, given)}
        for key in sorted(there | (fingerprints.keys() - records.keys())):
            yield key[1:], state_of(records.get(key), fingerprints.get(key, ""))


def _fingerprints(builtin: Workspace, recipe: str, target: str, given: tuple[str, ...]) -> dict[Key, str]:
    """Return a recipe's fingerprints on a target, by platform; none if it can no longer be had there."""
    from edgebake.testing.subjects import subjects  # compiles, which takes its time to import

    try:
        return {one.key: one.fingerprint for one in subjects(builtin, target, [recipe], given=given)}
    except EdgebakeError:
        return {}
