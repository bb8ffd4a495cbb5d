"""Why a recipe is in an image, or why it is not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, did_you_mean
from edgebake.inspect.graphs import RequirementGraph, Step
from edgebake.inspect.release import Choice, ask_told, choice
from edgebake.inspect.selected import Selected
from edgebake.load.catalogue import Catalogue
from edgebake.model.condition import VERSION_FACTS
from edgebake.model.requirement import parse_requirement
from edgebake.resolve.resolution import Provided

_MOST_BRINGERS = 8

Status = Literal["installed", "library", "provided", "absent"]


@dataclass(frozen=True)
class Answer:
    """Why an image on one target has a recipe, on platforms where the answer is the same.

    `name` is the recipe; another than was asked for, if that one provides the name. `status`: it is installed, the
    image's recipes are only compiled against it, the base image or the host provides it (`brought`: which), or it
    is not in the image (`notes`: why). `available`: whether it could be; `bringers` are recipes that require it.
    `paths` are the shortest ones of `path_count`.
    """

    image: str
    target: str
    platforms: tuple[str, ...]
    name: str
    status: Status
    brought: str = ""
    choice: Choice | None = None
    paths: tuple[tuple[Step, ...], ...] = ()
    path_count: int = 0
    notes: tuple[str, ...] = ()
    available: bool = True
    bringers: tuple[str, ...] = ()


def recipe_name(catalogue: Catalogue, text: str) -> str:
    """Return the name of a recipe, of something that recipes provide, or of a fact of the target.

    Raises:
        EdgebakeError: it is none of these, or has a version.
    """
    try:
        requirement = parse_requirement(text)
    except ValueError as error:
        raise EdgebakeError(str(error)) from None
    if requirement.narrows:
        message = f"{text!r} names a release; the last argument is a recipe's name only"
        raise EdgebakeError(message, hints=(f"edgebake why … {requirement.name}",))
    name = requirement.name
    canonical = catalogue.canonical(name)
    if canonical is None and name not in VERSION_FACTS and not catalogue.providers(name):
        message = f"unknown recipe {name!r}"
        raise EdgebakeError(message, hints=did_you_mean(name, catalogue.known_names(), kind="recipe"))
    return canonical or name


def answers(selected: Iterable[Selected], name: str, *, limit: int | None) -> list[Answer]:
    """Return why images have a recipe, by image, target and platform; platforms with one answer together.

    Args:
        selected: the images.
        name: what :func:`recipe_name` returned.
        limit: how many paths of each are returned at most; None for all.
    """
    found: list[Answer] = []
    for one in selected:
        alike: dict[Answer, list[str]] = {}
        for platform in one.platforms:
            alike.setdefault(_answer(one, platform, name, limit), []).append(platform)
        found += [replace(answer, platforms=tuple(platforms)) for answer, platforms in alike.items()]
    return found


def _answer(one: Selected, platform: str, name: str, limit: int | None) -> Answer:
    resolution = one.plan.resolutions[platform]
    name = resolution.stands_for.get(name, name)
    answer = Answer(one.plan.name, one.plan.target.name, (), name, "absent")
    if name not in resolution.pins and name not in resolution.provided:
        candidates = one.pool(platform).candidates(name)
        if candidates and candidates[0].loaded is None:  # a fact that exists, but nothing requires it
            brought = Provided(candidates[0].version, candidates[0].note)
            return replace(answer, status="provided", brought=str(brought))
        available = bool(candidates)
        bringers = tuple(_bringers(one, platform, name)) if available else ()
        return replace(answer, notes=tuple(_notes(one, platform, name)), available=available, bringers=bringers)
    graph = RequirementGraph(resolution)
    count = graph.count(name)
    answer = replace(answer, paths=tuple(graph.paths(name, limit)), path_count=count)
    if name in resolution.provided:
        return replace(answer, status="provided", brought=str(resolution.provided[name]))
    status: Status = "installed" if name in resolution.installed else "library"
    return replace(answer, status=status, choice=choice(one.pool(platform), resolution, resolution.pins[name]))


# ── what is not there


def _notes(one: Selected, platform: str, name: str) -> Iterable[str]:
    """Yield how else a recipe is used for an image, and what excludes it."""
    resolution, catalogue = one.plan.resolutions[platform], one.workspace.catalogue
    for pin in resolution.pins.values():
        build = pin.recipe.build
        if build and any(catalogue.canonical(tool.name) == name for tool in build.tools):
            yield f"{pin.name} is built with it, outside the image"
    for ask in resolution.asks:
        if ask.kind == "forbid" and ask.name == name:
            yield ask_told(ask)
    pool = one.pool(platform)
    if name in VERSION_FACTS and pool.fact(name) is None:
        yield f"{one.plan.target.name} has no {name}"
    elif not pool.candidates(name) and catalogue.has_recipe(name):
        loaded = catalogue.recipe(name)
        for gone in pool.unavailable(loaded)[:3]:
            title = f"{name} {gone.version}" if loaded.is_versioned else name
            yield f"{title} is not available there: it needs {gone.reason}"


def _bringers(one: Selected, platform: str, name: str) -> Iterable[str]:
    """Yield the recipes that require one directly, exist there, and are not in the image."""
    pool, catalogue = one.pool(platform), one.workspace.catalogue
    for loaded in catalogue.all_recipes():
        requires_it = any(catalogue.canonical(wanted.name) == name for wanted in loaded.recipe.requires)
        is_absent = loaded.name not in one.plan.resolutions[platform].pins
        if requires_it and is_absent and pool.candidates(loaded.name):
            yield loaded.name


def hints(found: Sequence[Answer], name: str, *, in_project: bool) -> list[str]:
    """Return what would add a recipe to the images without it. `in_project`: they are images of the project."""
    absent = [one for one in found if one.status == "absent" and one.available]
    images = list(dict.fromkeys(one.image for one in absent))
    result = [f"add {name!r} to `recipes` of the image {image!r}" for image in images if in_project]
    bringers = sorted({bringer for one in absent for bringer in one.bringers})
    if bringers:
        more = ", …" if len(bringers) > _MOST_BRINGERS else ""
        result.append(f"recipes that require it: {', '.join(bringers[:_MOST_BRINGERS])}{more}")
    return result
