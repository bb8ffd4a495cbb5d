"""What a recipe is, and who needs it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from edgebake.load.catalogue import Catalogue, LoadedRecipe
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
    ShownTest,
    ShownVariant,
)
from edgebake.model.recipe import Bench, Build, Install, Release, Source, Test, Variant
from edgebake.model.requirement import Requirement, parse_requirement
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
    return _shown(workspace, loaded, target).model_copy(
        update={"needed_by": needed_by(workspace, loaded.name), "proof": proof}
    )


def _shown(workspace: Workspace, loaded: LoadedRecipe, target: Target | None) -> ShownRecipe:
    """Return a recipe without what takes reading others."""
    recipe = loaded.recipe
    return ShownRecipe(
        name=recipe.name,
        summary=recipe.summary,
        group=recipe.group,
        layer=recipe.layer,
        homepage=recipe.homepage,
        license=recipe.license,
        aliases=list(recipe.aliases),
        provides=list(recipe.provides),
        file=format_path(loaded.document.shown),
        builtin=loaded.vendored,
        flavours=list(recipe.flavours),
        requires=_texts(recipe.requires),
        conflicts=_texts(recipe.conflicts),
        args=dict(recipe.args),
        releases=_releases(workspace, loaded, target),
        build=_build(recipe.build) if recipe.build else None,
        install=_install(recipe.install),
        test=_script(recipe.test),
        bench=_script(recipe.bench),
        files=list(_files(loaded)),
        sources=[citation.page for citation in recipe.sources],
        images=sorted(_images_with(workspace, loaded)),
        needed_by=[],
        proof=None,
    )


def needed_by(workspace: Workspace, name: str) -> list[Needs]:
    """Return the recipes that need one at run time (`run`), to be compiled against (`library`), or as a `tool`.

    The name may be one that others provide. Reads all recipes.
    """
    catalogue = workspace.catalogue
    found: list[Needs] = []
    for loaded in catalogue.all_recipes():
        ways = {(kind, str(wanted)) for kind, wanted in loaded.recipe.wanted() if _means(catalogue, wanted, name)}
        found += [
            Needs.model_validate({"recipe": loaded.name, "kind": kind, "requirement": wanted})
            for kind, wanted in sorted(ways)
        ]
    return found


def _means(catalogue: Catalogue, wanted: Requirement, name: str) -> bool:
    return wanted.name == name or catalogue.canonical(wanted.name) == name


def _texts(values: Iterable[object]) -> list[str]:
    return [str(value) for value in values]


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
    return ShownRelease(
        version=release.version,
        default=release.default,
        when=release.when.as_data(),
        when_text=format_condition(release.when),
        flavours=list(release.flavours),
        requires=_texts(release.requires),
        conflicts=_texts(release.conflicts),
        args=dict(release.args),
        variants=[_variant(variant) for variant in release.variants],
        platforms=None if needs is None else [platform for platform, reason in needs.items() if not reason],
        needs=None if needs is None else {platform: reason for platform, reason in needs.items() if reason},
    )


def _variant(variant: Variant) -> ShownVariant:
    return ShownVariant(
        when=variant.when.as_data(),
        when_text=format_condition(variant.when),
        requires=_texts(variant.requires),
        conflicts=_texts(variant.conflicts),
        args=dict(variant.args),
    )


def _build(build: Build) -> ShownBuild:
    return ShownBuild(
        runs_on=build.runs_on,
        tools=_texts(build.tools),
        libraries=_texts(build.libraries),
        sources=[_source(source) for source in build.sources],
        script=build.script or build.dockerfile,
    )


def _script(test: Test | Bench | None) -> ShownTest | None:
    return ShownTest.model_validate(test.model_dump()) if test else None


def _source(source: Source) -> str:
    if source.git:
        return f"{source.git} {source.ref or ''}{f' ({source.commit})' if source.commit else ''}".strip()
    return source.url or source.path or ""


def _install(install: Install) -> ShownInstall:
    return ShownInstall(
        apt=list(install.apt),
        pip=list(install.pip),
        files=dict(install.files),
        artifacts=dict(install.artifacts),
        script=install.script or install.dockerfile,
    )


def _files(loaded: LoadedRecipe) -> Iterator[str]:
    """Yield the files of a recipe's folder, relative to it."""
    ignored = WITHOUT_BYTECODE.ignores
    for folder, folders, files in os.walk(loaded.folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not ignored(name))
        for name in sorted(name for name in files if not ignored(name)):
            yield os.path.relpath(os.path.join(folder, name), loaded.folder)  # noqa: PTH118 (many files)


def _images_with(workspace: Workspace, loaded: LoadedRecipe) -> Iterator[str]:
    """Yield the images of the project that name a recipe."""
    for name, image in workspace.project.images.items():
        for text in image.recipes:
            if is_path(text):
                is_it = (workspace.root / text).resolve() == loaded.folder
            else:
                is_it = workspace.catalogue.canonical(parse_requirement(text).name) == loaded.name
            if is_it:
                yield name
                break
