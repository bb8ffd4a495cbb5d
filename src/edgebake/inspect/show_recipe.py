"""What a recipe is, as data and as text."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from edgebake.load.catalogue import Catalogue, LoadedRecipe
from edgebake.load.words import told_condition, told_path
from edgebake.load.workspace import Workspace, is_path
from edgebake.model.recipe import Build, Install, Release, Source, Variant
from edgebake.model.requirement import Requirement, parse_requirement
from edgebake.model.target import Target
from edgebake.resolve.candidates import CandidatePool
from edgebake.resolve.python_choice import PYTHON, other_pythons
from edgebake.text.table import padded

Data = dict[str, Any]

_SHOWN_FILES = 12


def recipe_data(workspace: Workspace, loaded: LoadedRecipe, target: Target | None) -> Data:
    """Return a recipe as `show --json` prints it, without what takes reading other recipes.

    Args:
        workspace: the project.
        loaded: the recipe.
        target: say of each release whether it exists there; None for the releases as the file has them.
    """
    recipe = loaded.recipe
    return {
        "name": recipe.name,
        "summary": recipe.summary,
        "group": recipe.group,
        "layer": recipe.layer,
        "homepage": recipe.homepage,
        "license": recipe.license,
        "aliases": list(recipe.aliases),
        "provides": list(recipe.provides),
        "file": told_path(loaded.document.shown),
        "builtin": loaded.vendored,
        "flavours": list(recipe.flavours),
        "requires": _texts(recipe.requires),
        "conflicts": _texts(recipe.conflicts),
        "args": dict(recipe.args),
        "releases": _releases(workspace, loaded, target),
        "build": _build(recipe.build) if recipe.build else None,
        "install": _install(recipe.install),
        "test": recipe.test.model_dump(mode="json") if recipe.test else None,
        "bench": recipe.bench.model_dump(mode="json") if recipe.bench else None,
        "files": list(_files(loaded)),
        "sources": [citation.page for citation in recipe.sources],
        "images": sorted(_images_with(workspace, loaded)),
    }


def needed_by(workspace: Workspace, name: str) -> list[Data]:
    """Return the recipes that need one at run time (`run`), to be compiled against (`library`), or as a `tool`.

    The name may be one that others provide. Reads all recipes.
    """
    catalogue = workspace.catalogue
    found: list[Data] = []
    for loaded in catalogue.all_recipes():
        ways = {(kind, str(one)) for kind, one in loaded.recipe.wanted() if _means(catalogue, one, name)}
        found += [{"recipe": loaded.name, "kind": kind, "requirement": wanted} for kind, wanted in sorted(ways)]
    return found


def _means(catalogue: Catalogue, wanted: Requirement, name: str) -> bool:
    return wanted.name == name or catalogue.canonical(wanted.name) == name


def _texts(values: Iterable[object]) -> list[str]:
    return [str(value) for value in values]


def _releases(workspace: Workspace, loaded: LoadedRecipe, target: Target | None) -> list[Data] | None:
    """Return the releases, newest or default first as the file has them; None if a function of the target says."""
    if target is None:
        declared = loaded.recipe.releases
        return None if callable(declared) else [_release(one) for one in declared]
    if not loaded.is_versioned:
        return []
    pools = {platform: CandidatePool(workspace.catalogue, target, platform) for platform in target.platforms}
    there = {platform: {one.version for one in pool.candidates(loaded.name)} for platform, pool in pools.items()}
    reasons = {
        platform: {one.version: one.reason for one in pool.unavailable(loaded)} for platform, pool in pools.items()
    }
    return [
        _release(one)
        | {
            "platforms": [platform for platform in pools if one.version in there[platform]],
            "needs": {
                platform: reasons[platform].get(one.version) or _other_fact(workspace, loaded.name, one, target)
                for platform in pools
                if one.version not in there[platform]
            },
        }
        for one in loaded.releases(target)
    ]


def _other_fact(workspace: Workspace, name: str, release: Release, target: Target) -> str:
    """Return what a release of a fact (cuda, python) needs on a target that has another one."""
    if name == PYTHON and release.version in other_pythons(target, workspace.catalogue):
        return f"an image that asks for it ({name}:{release.version})"
    return f"{name} {release.version}, and {target.name} has {getattr(target, name, None)}"


def _release(release: Release) -> Data:
    return {
        "version": release.version,
        "default": release.default,
        "when": release.when.as_data(),
        "when_text": told_condition(release.when),
        "flavours": list(release.flavours),
        "requires": _texts(release.requires),
        "conflicts": _texts(release.conflicts),
        "args": dict(release.args),
        "variants": [_variant(one) for one in release.variants],
    }


def _variant(variant: Variant) -> Data:
    return {
        "when": variant.when.as_data(),
        "when_text": told_condition(variant.when),
        "requires": _texts(variant.requires),
        "conflicts": _texts(variant.conflicts),
        "args": dict(variant.args),
    }


def _build(build: Build) -> Data:
    return {
        "runs_on": build.runs_on,
        "tools": _texts(build.tools),
        "libraries": _texts(build.libraries),
        "sources": [_source(one) for one in build.sources],
        "script": build.script or build.dockerfile,
    }


def _source(source: Source) -> str:
    if source.git:
        return f"{source.git} {source.ref or ''}{f' ({source.commit})' if source.commit else ''}".strip()
    return source.url or source.path or ""


def _install(install: Install) -> Data:
    return {
        "apt": list(install.apt),
        "pip": list(install.pip),
        "files": dict(install.files),
        "artifacts": dict(install.artifacts),
        "script": install.script or install.dockerfile,
    }


def _files(loaded: LoadedRecipe) -> Iterator[str]:
    """Yield the files of a recipe's folder, relative to it."""
    for folder, folders, files in os.walk(loaded.folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__pycache__")
        for name in sorted(files):
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


# ── as text


def recipe_text(data: Data) -> Iterator[str]:
    """Yield a recipe's lines for people."""
    yield f"{data['name']} (recipe): {data['summary']}"
    yield from fields(
        [
            ("group, layer", f"{data['group']}, {data['layer']}"),
            ("file", data["file"]),
            ("homepage", data["homepage"]),
            ("licence", data["license"]),
            ("also named", ", ".join(data["aliases"])),
            ("provides", ", ".join(data["provides"])),
            ("flavours", ", ".join(data["flavours"])),
            ("requires", ", ".join(data["requires"])),
            ("conflicts", ", ".join(data["conflicts"])),
            ("args", _pairs(data["args"])),
            *_build_fields(data["build"]),
            ("apt", ", ".join(data["install"]["apt"])),
            ("pip", ", ".join(data["install"]["pip"])),
            ("installs", ", ".join(sorted({*data["install"]["files"].values()}))),
            ("script", data["install"]["script"]),
            ("test", data["test"] and _script(data["test"])),
            ("bench", data["bench"] and _script(data["bench"])),
            ("files", _some(data["files"])),
            ("images", ", ".join(data["images"])),
        ]
    )
    yield from _release_lines(data["releases"])
    if data["sources"]:
        yield "  sources"
        yield from (f"    {source}" for source in data["sources"])


def fields(rows: Sequence[tuple[str, str | None]]) -> list[str]:
    """Return names and values as lines, without those that have none."""
    lines = padded([(f"  {name}", value) for name, value in rows if value])
    return [line.rstrip() for line in lines]


def _build_fields(build: Data | None) -> list[tuple[str, str | None]]:
    if build is None:
        return []
    return [
        ("built on", f"the {build['runs_on'].replace('-', ' ')}, by {build['script']}"),
        ("built with", ", ".join(build["tools"])),
        ("libraries", ", ".join(build["libraries"])),
        ("built from", ", ".join(build["sources"])),
    ]


def _script(one: Data) -> str:
    return f"{one['script']}, at most {one['timeout']} s" + (", needs a GPU" if one["gpu"] else "")


def _some(files: Sequence[str]) -> str:
    more = len(files) - _SHOWN_FILES
    return ", ".join(files[:_SHOWN_FILES]) + (f" and {more} more" if more > 0 else "")


def _pairs(values: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _release_lines(releases: list[Data] | None) -> Iterator[str]:
    if releases is None:
        yield "  releases: a function of the target says; name one with --target"
    elif releases:
        yield "  releases"
        rows = [row for release in releases for row in _release_rows(release)]
        yield from (f"    {line}".rstrip() for line in padded(rows))


def _release_rows(release: Data) -> Iterator[tuple[str, str, str]]:
    version = release["version"] + (" (default)" if release["default"] else "")
    if "platforms" in release:
        yield version, _there(release), _needs(release)
        return
    when, variants = release["when_text"], release["variants"]
    if len(variants) == 1 and not when and not _needs(release):
        yield version, variants[0]["when_text"] or "any target", _needs(variants[0])
        return
    ways = "one of" if variants else ""
    yield version, ", and ".join(part for part in (when, ways) if part) or "any target", _needs(release)
    for variant in variants:
        yield "", f"· {variant['when_text'] or 'any other target'}", _needs(variant)


def _there(release: Data) -> str:
    there = [platform.split("/")[1] for platform in release["platforms"]]
    needs = dict.fromkeys(release["needs"].values())
    missing = f"not {'there' if not there else 'elsewhere'}: needs {'; '.join(needs)}" if needs else ""
    return "; ".join(part for part in (", ".join(there), missing) if part)


def _needs(part: Data) -> str:
    words = [f"requires {', '.join(part['requires'])}"] if part["requires"] else []
    words += [f"conflicts with {', '.join(part['conflicts'])}"] if part["conflicts"] else []
    words += [f"flavours {', '.join(part['flavours'])}"] if part.get("flavours") else []
    words += [_pairs(part["args"])] if part["args"] else []
    return "; ".join(words)


def needed_by_text(found: Sequence[Data]) -> str:
    """Return who needs a recipe, as one line for each way."""
    ways = {"run": "needed by", "library": "compiled into", "tool": "builds"}
    rows = []
    for kind, words in ways.items():
        names = dict.fromkeys(one["recipe"] for one in found if one["kind"] == kind)
        rows.append((words, ", ".join(names)))
    return "\n".join(fields(rows))
