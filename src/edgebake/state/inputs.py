"""All that a bake target's result follows from, beside the engine that builds it, as one digest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgebake.graph.names import base_variable
from edgebake.plan.builder import Plan
from edgebake.plan.fingerprint import digest_of
from edgebake.plan.settings import Settings, bake_variables
from edgebake.plan.target_plan import TargetPlan
from edgebake.render.bake_file import bake_file, shared_name

_PLACES = ("CA_BUNDLE", "HOME", "REGISTRY", "TAG")
"""Variables that change where a result goes, or whom its build trusts, and not what it is."""
_BUILDX = ("SOURCE_DATE_EPOCH", "BUILDX_NO_DEFAULT_ATTESTATIONS")
"""Environment variables that Buildx itself gives to a build, https://docs.docker.com/build/building/variables/."""


class Inputs:
    """Computes digests.

    Args:
        plan: the fingerprints, and the project.
        settings: how it would be executed.
        bases: what base images by a tag are just now, by reference.
        builder: what would build, where the result stays in its cache; else empty.
    """

    def __init__(self, plan: Plan, settings: Settings, bases: Mapping[str, Sequence[str]], builder: str) -> None:
        self._plan = plan
        self._settings = settings
        self._bases = bases
        self._builder = builder
        self._variables = bake_variables(plan.compilation, settings)
        self._blocks = {(b.kind, b.name): b for b in bake_file(plan.compilation).blocks}
        names = [*(name for kind, name in self._blocks if kind == "variable"), *_BUILDX]
        environment = {name: settings.environment[name] for name in names if name in settings.environment}
        values = {**environment, **self._variables}
        self._values = sorted((name, value) for name, value in values.items() if name not in _PLACES)
        workspace = plan.compilation.workspace
        self._wheels = _listing(workspace.root, values.get("WHEELHOUSE", workspace.project.wheelhouse or ""))
        self._base_variables = {name for target in plan.compilation.targets for name in _base_variables(target)}

    def digest(self, target: TargetPlan) -> str:
        """Return the digest for a bake target; empty if its result can change without any of this changing."""
        if self._settings.overrides or self.unknown(target):
            return ""
        name = target.bake_target.name
        blocks = [("target", shared_name(target.bake_target.target)), ("target", name)]
        facts = [
            [one for one in target.fingerprints if one[0] in target.platforms],
            target.platforms,
            [repr(self._blocks[key]) for key in blocks if key in self._blocks],
            [(reference, list(self._bases[reference])) for reference in self.bases(target)],
            [self._values_for(target.bake_target.target), self._wheels],
            self._builder,
        ]
        return digest_of(facts)

    def unknown(self, target: TargetPlan) -> str:
        """Return what of a bake target's inputs is not known before a build; empty if all is."""
        if self._settings.overrides:
            return "--set may change anything"
        for reference in self.bases(target):
            if not any(self._bases.get(reference, ())):
                return f"{reference} is not locked, and its registry does not say what it is"
        lock = self._plan.compilation.workspace.lock
        for url, ref in self._plan.compilation.plan_of(target.bake_target).git_sources():
            if lock is None or lock.commit(url, ref) is None:
                return f"{url} {ref} is not locked"
        return ""

    def bases(self, target: TargetPlan) -> list[str]:
        """Return the base images of a bake target that are named by a tag."""
        found = (self._variables.get(name) for name in _base_variables(target.bake_target.target))
        return [reference for reference in found if reference and "@" not in reference]

    def _values_for(self, target: str) -> list[tuple[str, str]]:
        """Return the variables without those that name other targets' bases."""
        others = self._base_variables.difference(_base_variables(target))
        return [(name, value) for name, value in self._values if name not in others]


def _base_variables(target: str) -> tuple[str, str]:
    """Return the variables that name a target's base images, on its own platform and on the build platform."""
    return base_variable(target), f"NATIVE_{base_variable(target)}"


def digest_of_tests(target: TargetPlan) -> str:
    """Return the digest of a bake target's tests; empty if it has none."""
    return digest_of(target.tests) if target.tests else ""


def _listing(root: Path, folder: str) -> list[tuple[str, int, int]]:
    """Return names, sizes and times of the files in a folder."""
    files = sorted((root / folder).rglob("*")) if folder else []
    return [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()]
