"""What a name on the command line of `autotag` and `run` means."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, did_you_mean
from edgebake.host.built import for_target
from edgebake.host.fit import judge, rank
from edgebake.host.machine import Machine
from edgebake.load.workspace import Workspace
from edgebake.model.project import Image
from edgebake.model.target import Target


@dataclass(frozen=True)
class Wanted:
    """Where images of a name are looked for.

    `repository` is where the registry has them. `known`: whether edgebake can build it: its name is that of `image`
    of the project, or of a `recipe`. `tag` is the only one that is meant; empty if any is.
    """

    name: str
    repository: str
    known: bool = False
    image: Image | None = None
    recipe: str | None = None
    tag: str = ""


def wanted(text: str, workspace: Workspace, registry: str | None = None) -> Wanted:
    """Return what a name means: an image of the project, a recipe, a repository, or a reference.

    `registry` is where its images are, if not where the project says.

    Raises:
        EdgebakeError: it is none of them.
    """
    place = (registry or workspace.project.registry).rstrip("/")
    image = workspace.project.images.get(text)
    if image is not None:
        return Wanted(text, f"{place}/{image.repository or text}", True, image)
    if not any(mark in text for mark in "/:@"):
        recipe = workspace.catalogue.canonical(text)
        if recipe is None:
            known = [*workspace.project.images, *workspace.catalogue.known_names()]
            hints = (*did_you_mean(text, known, kind="name"), "or name a repository: localhost:5000/acme/detector")
            raise EdgebakeError(f"unknown image or recipe {text!r}", hints=hints)
        return Wanted(text, f"{place}/{text}", True, recipe=recipe)
    repository, at, digest = text.partition("@")
    if at:
        return Wanted(text, repository, tag=f"@{digest}")
    repository, colon, tag = text.rpartition(":")
    return Wanted(text, repository, tag=f":{tag}") if colon and "/" not in tag else Wanted(text, text)


def target_to_build(this: Wanted, workspace: Workspace, machine: Machine) -> str | None:
    """Return the target that an image should be built for to run on a machine, or None if none is known to fit."""
    patterns = ["*"] if this.image is None else this.image.targets
    fitting = []
    for name, target in known_targets(workspace).items():
        if not any(fnmatchcase(name, pattern) for pattern in patterns):
            continue
        built = for_target(target)
        verdict = judge(built, machine)
        if verdict.fits and (this.recipe is None or _exists(this.recipe, target, workspace)):
            fitting.append((rank(verdict, built, machine, local=True), name))
    return max(fitting)[1] if fitting else None


def _exists(recipe: str, target: Target, workspace: Workspace) -> bool:
    from edgebake.resolve.candidates import CandidatePool

    pools = (CandidatePool(workspace.catalogue, target, platform) for platform in target.platforms)
    return any(pool.candidates(recipe) for pool in pools)


def known_targets(workspace: Workspace) -> Mapping[str, Target]:
    """Return all targets by name."""
    return {name: workspace.catalogue.target(name).target for name in workspace.catalogue.target_names()}
