"""What `show` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from edgebake.cli.console import Renderable, columns
from edgebake.cli.format.list import proof_text
from edgebake.model.output import explore as published
from edgebake.text.words import some

Field: TypeAlias = tuple[str, str | Sequence[str] | None]
"""A name, and its value or values."""
_SHOWN_FILES = 12
_FACTS = ("l4t", "jetpack", "cuda", "cudnn", "tensorrt", "python", "cuda_flavour", "memory", "board", "driver")
_USES = {"run": "needed by", "library": "compiled into", "tool": "builds"}


def text(output: published.Show) -> Iterator[Renderable]:
    """Yield the image, the target and the recipe, with an empty line between them."""
    parts = [
        *([_image(output.image)] if output.image else []),
        *([_target(output.target)] if output.target else []),
        *([_recipe(output.recipe)] if output.recipe else []),
    ]
    for number, part in enumerate(parts):
        if number:
            yield ""
        yield from part


def _fields(*rows: Field, indent: int = 2) -> Iterator[Renderable]:
    """Yield names and values in columns, without those that have no value."""
    present = [(name, value if isinstance(value, str) else ", ".join(value)) for name, value in rows if value]
    if present:
        yield columns(present, indent=indent)


def _sources(sources: Sequence[str]) -> Iterator[str]:
    if sources:
        yield "  sources"
        yield from (f"    {source}" for source in sources)


# ── an image


def _image(image: published.ShownImage) -> Iterator[Renderable]:
    yield f"{image.name} (image)" + (f": {image.summary}" if image.summary else "")
    yield from _fields(
        ("file", image.file), ("recipes", image.recipes), ("board", image.board), ("repository", image.repository)
    )
    for tag, parts in image.indexes.items():
        yield f"  index {tag}: " + ", ".join(f"{platform} from {target}" for platform, target in parts.items())
    for on in image.targets:
        yield f"  on {on.target} ({', '.join(on.platforms)})"
        recipes = ", ".join(_installed(recipe, on.platforms) for recipe in on.recipes)
        yield from _fields(("tags", on.tags), ("recipes", recipes), indent=4)


def _installed(recipe: published.InstalledRecipe, platforms: list[str]) -> str:
    flavours = f"[{','.join(recipe.flavours)}]" if recipe.flavours else ""
    only = "" if recipe.platforms == platforms else f" ({', '.join(recipe.platforms)} only)"
    return f"{recipe.name}{flavours} {recipe.version or ''}".rstrip() + only


# ── a target


def _target(target: published.ShownTarget) -> Iterator[Renderable]:
    base = target.base
    yield f"{target.name} (target): {target.summary}"
    yield from _fields(
        ("family", target.family),
        ("file", target.file),
        ("platforms", target.platforms),
        ("base image", base.image + (f" ({base.native} on the build platform)" if base.native else "")),
        ("provides", base.provides),
        ("system", f"{target.os}, glibc {target.glibc}"),
        *((name.replace("_", " "), getattr(target, name)) for name in _FACTS),
        ("sm", target.sm),
        ("host provides", "CUDA, cuDNN, TensorRT" if target.host_libraries else ""),
        ("groups", target.groups),
        ("tag suffix", target.tag_suffix),
        ("boards", target.boards),
        ("images", target.images),
    )
    yield from _sources(target.sources)


# ── a recipe


def _recipe(recipe: published.ShownRecipe) -> Iterator[Renderable]:
    yield f"{recipe.name} (recipe): {recipe.summary}"
    install = recipe.install
    yield from _fields(
        ("group, layer", f"{recipe.group}, {recipe.layer}"),
        ("file", recipe.file),
        ("homepage", recipe.homepage),
        ("licence", recipe.license),
        *((name, getattr(recipe, name)) for name in ("aliases", "provides", "flavours", "requires", "conflicts")),
        ("args", _pairs(recipe.args)),
        *_build(recipe.build),
        ("apt", install.apt),
        ("pip", install.pip),
        ("installs", ", ".join(sorted({*install.files.values()}))),
        ("script", install.script),
        ("test", _script(recipe.test)),
        ("bench", _script(recipe.bench)),
        ("files", some(recipe.files, _SHOWN_FILES)),
        ("images", recipe.images),
        *_needed_by(recipe.needed_by),
        ("proof", proof_text(recipe.proof.built) if recipe.proof else None),
    )
    yield from _releases(recipe.releases)
    yield from _sources(recipe.sources)


def _build(build: published.ShownBuild | None) -> list[Field]:
    if build is None:
        return []
    return [
        ("built on", f"the {build.runs_on.replace('-', ' ')}, by {build.script}"),
        ("built with", build.tools),
        ("libraries", build.libraries),
        ("built from", build.sources),
    ]


def _script(test: published.ShownTest | None) -> str | None:
    return f"{test.script}, at most {test.timeout} s" + (", needs a GPU" if test.gpu else "") if test else None


def _pairs(values: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _needed_by(needs: Sequence[published.Needs]) -> Iterator[tuple[str, str]]:
    for kind, words in _USES.items():
        yield words, ", ".join(dict.fromkeys(need.recipe for need in needs if need.kind == kind))


def _releases(releases: Sequence[published.ShownRelease] | None) -> Iterator[Renderable]:
    if releases is None:
        yield "  releases: computed for each target; name one with --target"
    elif releases:
        yield "  releases"
        rows = [row for release in releases for row in _rows(release)]
        if not any(requirements for _, _, requirements in rows):
            yield columns([(version, where) for version, where, _ in rows], indent=4)
        else:
            yield columns(rows, indent=4, wrap=2)


def _rows(release: published.ShownRelease) -> Iterator[tuple[str, str, str]]:
    """Yield the lines of a release: its version, where it exists, and what it requires."""
    version = release.version + (" (default)" if release.default else "")
    if release.platforms is not None:
        yield version, _platforms(release), _requirements(release, release.flavours)
        return
    when, requirements = release.when_text, _requirements(release, release.flavours)
    if len(release.variants) == 1 and not when and not requirements:
        variant = release.variants[0]
        yield version, variant.when_text or "any target", _requirements(variant)
        return
    ways = "one of" if release.variants else ""
    yield version, ", and ".join(part for part in (when, ways) if part) or "any target", requirements
    for variant in release.variants:
        yield "", f"· {variant.when_text or 'any other target'}", _requirements(variant)


def _platforms(release: published.ShownRelease) -> str:
    existing = ", ".join(platform.split("/")[1] for platform in release.platforms or ())
    needs = "; ".join(dict.fromkeys((release.needs or {}).values()))
    if not needs:
        return existing
    return f"{existing}; elsewhere it needs {needs}" if existing else f"not available: needs {needs}"


def _requirements(part: published.ShownVariant, flavours: Sequence[str] = ()) -> str:
    words = [f"requires {', '.join(part.requires)}"] if part.requires else []
    words += [f"conflicts with {', '.join(part.conflicts)}"] if part.conflicts else []
    words += [f"flavours {', '.join(flavours)}"] if flavours else []
    words += [_pairs(part.args)] if part.args else []
    return "; ".join(words)
