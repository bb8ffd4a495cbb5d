"""The recipes, targets and images of a project and the catalogue, and which recipes were built and tested."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.load.catalogue import LoadedRecipe, builtin_root
from edgebake.load.workspace import Workspace, open_workspace
from edgebake.model.output.explore import BuiltOn, ListedRecipe, Proof
from edgebake.model.target import Target
from edgebake.testing.verified import STATES, Key, State, Verification, read_verified, state_of


@dataclass(frozen=True)
class RecipeReleases:
    """A recipe, and its releases on a target, the newest first."""

    loaded: LoadedRecipe
    versions: tuple[str, ...]


def find_recipes(
    workspace: Workspace,
    *,
    target: str | None = None,
    group: str | None = None,
    names: Collection[str] | None = None,
) -> list[RecipeReleases]:
    """Return recipes with their releases, by group and name.

    Args:
        workspace: the project, or an empty one for the built-in catalogue.
        target: only recipes that exist on this target, with their releases there; None: those of the file.
        group: only recipes of this group.
        names: only these recipes; no other one is read.

    Raises:
        EdgebakeError: an unknown target; a recipe's file is wrong.
    """
    catalogue = workspace.catalogue
    profile = catalogue.target(target).target if target else None
    recipes = []
    for name in catalogue.recipe_names() if names is None else names:
        loaded = catalogue.recipe(name)
        if group in (None, loaded.recipe.group):
            versions = _versions(workspace, loaded, profile)
            recipes += [RecipeReleases(loaded, versions)] if versions is not None else []
    return sorted(recipes, key=lambda found: (found.loaded.recipe.group, found.loaded.name))


def _versions(workspace: Workspace, loaded: LoadedRecipe, profile: Target | None) -> tuple[str, ...] | None:
    """Return a recipe's releases, None if it does not exist on the target."""
    if profile is None:
        declared = () if callable(loaded.recipe.releases) else loaded.recipe.releases
        return tuple(release.version for release in declared if release.version != "0")
    from edgebake.resolve.candidates import CandidatePool

    pools = [CandidatePool(workspace.catalogue, profile, platform) for platform in profile.platforms]
    candidates = [candidate for pool in pools for candidate in pool.candidates(loaded.name)]
    if not candidates:
        return None
    return tuple(dict.fromkeys(c.version for c in candidates)) if loaded.is_versioned else ()


class Proofs:
    """What is recorded about recipes that were built, and whether it is still true.

    Args:
        target: only of this target.
        folder: the folder with the record; the built-in catalogue's if None.

    Raises:
        EdgebakeError: the record is damaged.
    """

    def __init__(self, *, target: str | None = None, folder: Path | None = None) -> None:
        records = read_verified(folder or builtin_root() / "recipes")
        self._records = {key: record for key, record in records.items() if target in (None, key[1])}
        self._builtin = open_workspace(Path(os.devnull), need_project=False)  # where no project can be

    def of(self, name: str) -> Proof:
        """Return what is proved about a recipe. One with a record is compiled, to compare its fingerprints."""
        records = {key: record for key, record in self._records.items() if key[0] == name}
        states = dict(self._states(records)) if records else {}
        given = {key[1:]: list(record.given) for key, record in records.items()}
        built = [
            BuiltOn(target=key[0], platform=key[1], state=state, given=given.get(key, []))
            for key, state in sorted(states.items())
        ]
        return Proof(state=max(states.values(), key=STATES.index, default="checked only"), built=built)

    def listed(self, found: RecipeReleases) -> ListedRecipe:
        """Return a recipe as it is listed."""
        recipe, proof = found.loaded.recipe, self.of(found.loaded.name)
        return ListedRecipe.of(recipe, releases=list(found.versions), state=proof.state, built=proof.built)

    def _states(self, records: Mapping[Key, Verification]) -> Iterator[tuple[tuple[str, str], State]]:
        for recipe, target, given in sorted({(r.recipe, r.target, r.given) for r in records.values()}):
            fingerprints = self._fingerprints(recipe, target, given)
            recorded = {key for key, record in records.items() if (key[1], record.given) == (target, given)}
            for key in sorted(recorded | (fingerprints.keys() - records.keys())):
                yield key[1:], state_of(records.get(key), fingerprints.get(key, ""))

    def _fingerprints(self, recipe: str, target: str, given: tuple[str, ...]) -> dict[Key, str]:
        """Return a recipe's fingerprints on a target; none if it no longer exists there."""
        from edgebake.testing.subjects import subjects  # compiles, which takes its time to import

        try:
            found = subjects(self._builtin, target, [recipe], given=given)
            return {subject.key: subject.fingerprint for subject in found}
        except EdgebakeError:
            return {}
