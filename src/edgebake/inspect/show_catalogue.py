"""What a recipe is, and who needs it; and what a target is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase

from edgebake.load.boards import load_boards
from edgebake.load.catalogue import LoadedRecipe, LoadedTarget
from edgebake.load.folders import is_path
from edgebake.load.ignore import WITHOUT_BYTECODE
from edgebake.load.words import format_condition, format_path
from edgebake.load.workspace import Workspace
from edgebake.model.output.explore import (
    Needs,
    Proof,
    ShownBuild,
    ShownInstall,
    ShownRecipe,
    ShownRelease,
    ShownTarget,
    ShownVariant,
)
from edgebake.model.recipe import Release, Source
from edgebake.model.requirement import parse_requirement
from edgebake.model.target import Target
from edgebake.resolve.candidates import CandidatePool
from edgebake.resolve.python_choice import PYTHON, other_pythons


def show_recipe(
    workspace: Workspace, loaded: LoadedRecipe, target: Target | None, proof: Proof | None
) -> ShownRecipe:
    """Return a recipe with its releases and the recipes that need it. Reads all recipes.

    Args:
        workspace: the project.
        loaded: the recipe.
        target: where releases are looked for; None for the releases as the file has them.
        proof: where it was built and tested; None for a recipe of the project.

    Raises:
        EdgebakeError: a recipe's file is wrong.
    """
    recipe, build, install = loaded.recipe, loaded.recipe.build, loaded.recipe.install
    shown_build = None
    if build:
        sources = [_source(source) for source in build.sources]
        shown_build = ShownBuild.of(build, sources=sources, script=build.script or build.dockerfile)
    return ShownRecipe.of(
        recipe,
        file=format_path(loaded.document.shown),
        builtin=loaded.vendored,
        releases=_releases(workspace, loaded, target),
        build=shown_build,
        install=ShownInstall.of(install, script=install.script or install.dockerfile),
        files=list(_files(loaded)),
        sources=[citation.page for citation in recipe.sources],
        images=sorted(_images_with(workspace, loaded)),
        needed_by=_needed_by(workspace, loaded.name),
        proof=proof,
    )


def show_target(workspace: Workspace, loaded: LoadedTarget) -> ShownTarget:
    """Return a target with the boards that it fits and the project's images for it.

    Raises:
        EdgebakeError: a board's file is wrong.
    """
    target, images = loaded.target, workspace.project.images.items()
    return ShownTarget.of(
        target,
        glibc=target.glibc,
        file=format_path(loaded.document.shown),
        boards=[name for name, board in load_boards(workspace.catalogue).items() if not board.refusal(target)],
        images=sorted(name for name, image in images if any(fnmatchcase(target.name, p) for p in image.targets)),
    )


def _needed_by(workspace: Workspace, name: str) -> list[Needs]:
    """Return the recipes that need one at run time (`run`), to be compiled against (`library`), or as a `tool`."""
    canonical = workspace.catalogue.canonical
    ways = {
        (loaded.name, kind, str(wanted))
        for loaded in workspace.catalogue.all_recipes()
        for kind, wanted in loaded.recipe.wanted()
        if name in (wanted.name, canonical(wanted.name))
    }
    return [Needs(recipe=recipe, kind=kind, requirement=wanted) for recipe, kind, wanted in sorted(ways)]


def _releases(workspace: Workspace, loaded: LoadedRecipe, target: Target | None) -> list[ShownRelease] | None:
    """Return the releases, newest or default first as the file has them; None if a function of the target says."""
    if target is None:
        declared = loaded.recipe.releases
        return None if callable(declared) else [_release(release) for release in declared]
    if not loaded.is_versioned:
        return []
    pools = {platform: CandidatePool(workspace.catalogue, target, platform) for platform in target.platforms}
    existing = {platform: {c.version for c in pool.candidates(loaded.name)} for platform, pool in pools.items()}
    reasons = {p: {gone.version: gone.reason for gone in pool.unavailable(loaded)} for p, pool in pools.items()}

    def needs(release: Release, platform: str) -> str:
        """Return what a release needs that the target does not have; "" if it exists there."""
        if release.version in existing[platform]:
            return ""
        return reasons[platform].get(release.version) or _other_fact(workspace, loaded.name, release, target)

    return [_release(r, {platform: needs(r, platform) for platform in pools}) for r in loaded.releases(target)]


def _other_fact(workspace: Workspace, name: str, release: Release, target: Target) -> str:
    """Return what a release of a fact (cuda, python) needs on a target that has another one."""
    if name == PYTHON and release.version in other_pythons(target, workspace.catalogue):
        return f"an image that asks for it ({name}:{release.version})"
    return f"{name} {release.version}, and {target.name} has {getattr(target, name, None)}"


def _release(release: Release, needs: dict[str, str] | None = None) -> ShownRelease:
    return ShownRelease.of(
        release,
        when_text=format_condition(release.when),
        variants=[ShownVariant.of(one, when_text=format_condition(one.when)) for one in release.variants],
        platforms=None if needs is None else [platform for platform, reason in needs.items() if not reason],
        needs=None if needs is None else {platform: reason for platform, reason in needs.items() if reason},
    )


def _source(source: Source) -> str:
    if source.git:
        return f"{source.git} {source.ref or ''}{f' ({source.commit})' if source.commit else ''}".strip()
    return source.url or source.path or ""


def _files(loaded: LoadedRecipe) -> Iterator[str]:
    """Yield the files of a recipe's folder, relative to it."""
    ignored = WITHOUT_BYTECODE.ignores
    for folder, folders, files in os.walk(loaded.folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not ignored(name))
        for name in sorted(name for name in files if not ignored(name)):
            yield os.path.relpath(os.path.join(folder, name), loaded.folder)  # noqa: PTH118 (many files)


def _images_with(workspace: Workspace, loaded: LoadedRecipe) -> Iterator[str]:
    def is_it(text: str) -> bool:
        if is_path(text):
            return (workspace.root / text).resolve() == loaded.folder
        return workspace.catalogue.canonical(parse_requirement(text).name) == loaded.name

    yield from (name for name, image in workspace.project.images.items() if any(map(is_it, image.recipes)))
