"""What there is: recipes with what was really built of them, targets, and the project's images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from edgebake.load.catalogue import builtin_root
from edgebake.load.workspace import Workspace
from edgebake.model.target import Target
from edgebake.resolve.candidates import CandidatePool
from edgebake.testing.verified import STATES, Key, State, Verification, read_verified, state_of
from edgebake.testing.verify import subjects


@dataclass(frozen=True)
class RecipeRow:
    """A recipe. `releases` are the newest first; `states` by target and platform, where it was ever built.

    `given` are the requirements that stood beside it there, if any did.
    """

    name: str
    group: str
    summary: str
    releases: tuple[str, ...]
    states: Mapping[tuple[str, str], State]
    given: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

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
    workspace: Workspace, *, target: str | None = None, group: str | None = None, record: Path | None = None
) -> list[RecipeRow]:
    """Return the recipes, by group and name.

    Args:
        workspace: the project, or an empty one for the built-in catalogue.
        target: only recipes that exist on this target, with their releases there.
        group: only recipes of this group.
        record: the folder with the record of what was built; the built-in catalogue's if None.

    Raises:
        EdgebakeError: an unknown target; a recipe's file, or the record of what was built, is wrong.
    """
    catalogue = workspace.catalogue
    profile = catalogue.target(target).target if target else None
    records = read_verified(record or builtin_root() / "recipes")
    rows = []
    for name in catalogue.recipe_names():
        recipe = catalogue.recipe(name).recipe
        releases = _releases(workspace, name, profile)
        if (group is None or recipe.group == group) and (profile is None or releases is not None):
            states = dict(_states(name, records, target))
            given = {key[1:]: record.given for key, record in records.items() if key[0] == name and record.given}
            rows.append(RecipeRow(name, recipe.group, recipe.summary, releases or (), states, given))
    return sorted(rows, key=lambda row: (row.group, row.name))


def _releases(workspace: Workspace, name: str, profile: Target | None) -> tuple[str, ...] | None:
    """Return a recipe's releases on a target, None if it has none there; without a target all that its file has."""
    loaded = workspace.catalogue.recipe(name)
    if profile is None:
        declared = () if callable(loaded.recipe.releases) else loaded.recipe.releases
        return tuple(release.version for release in declared if release.version != "0")
    pools = [CandidatePool(workspace.catalogue, profile, platform) for platform in profile.platforms]
    found = [candidate for pool in pools for candidate in pool.candidates(name)]
    if not found:
        return None
    return tuple(dict.fromkeys(c.version for c in found)) if loaded.is_versioned else ()


def _states(
    name: str, records: Mapping[Key, Verification], target: str | None
) -> Iterator[tuple[tuple[str, str], State]]:
    """Yield the states of a recipe that is in the record, by target and platform."""
    found = [record for record in records.values() if record.recipe == name and target in (None, record.target)]
    for place, given in sorted({(record.target, record.given) for record in found}):
        with TemporaryDirectory() as folder:
            for subject in subjects(Path(folder), place, [name], given=given):
                record = records.get(subject.key)
                if record is None or record.given == given:
                    yield (place, subject.platform), state_of(record, subject.fingerprint)
