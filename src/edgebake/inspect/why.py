"""Why a recipe is in an image, or why it is not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from edgebake.errors import EdgebakeError, did_you_mean
from edgebake.inspect.release import Choice, ask_told, choice
from edgebake.inspect.requirements import RequirementGraph, Step
from edgebake.inspect.selected import Selected
from edgebake.load.catalogue import Catalogue
from edgebake.load.words import position_data
from edgebake.model.condition import VERSION_FACTS
from edgebake.model.requirement import parse_requirement
from edgebake.resolve.resolution import Provided

_MOST_BRINGERS = 8

Status = Literal["installed", "library", "provided", "absent"]


@dataclass(frozen=True)
class Answer:
    """Why an image on one target has a recipe, on platforms where the answer is the same.

    `name` is the recipe; another than was asked for, if that one provides the name. `status`: it is installed, the
    image's recipes are only compiled against it, the base image or the host brings it (`brought` says which), or it
    is not there (then `notes` say why). `available` says whether it could be there, and `bringers` are recipes that
    would bring it. `paths` are the shortest ones of `path_count`.
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
    """Return the name that is asked about: a recipe's, that of something that recipes provide, or a fact's.

    Raises:
        EdgebakeError: it is none of these, or has a version.
    """
    try:
        requirement = parse_requirement(text)
    except ValueError as error:
        raise EdgebakeError(str(error)) from None
    if requirement.narrows:
        raise EdgebakeError(
            f"{text!r} asks for a release; the last name is the recipe's alone",
            hints=(f"edgebake why … {requirement.name}",),
        )
    name = requirement.name
    canonical = catalogue.canonical(name)
    if canonical is None and name not in VERSION_FACTS and not catalogue.providers(name):
        raise EdgebakeError(
            f"unknown recipe {name!r}", hints=did_you_mean(name, catalogue.known_names(), kind="recipe")
        )
    return canonical or name


def answers(selected: Iterable[Selected], name: str, *, limit: int | None) -> list[Answer]:
    """Return why images have a recipe, by image, target and platform; platforms with one answer together.

    Args:
        selected: the images.
        name: what :func:`recipe_name` returned.
        limit: the most paths that are told of each; None for all.
    """
    found: list[Answer] = []
    for one in selected:
        by_platform = [_answer(one, platform, name, limit) for platform in one.platforms]
        alike: dict[Answer, list[str]] = {}
        for platform, answer in zip(one.platforms, by_platform, strict=True):
            alike.setdefault(answer, []).append(platform)
        found += [replace(answer, platforms=tuple(platforms)) for answer, platforms in alike.items()]
    return found


def _answer(one: Selected, platform: str, name: str, limit: int | None) -> Answer:
    resolution = one.plan.resolutions[platform]
    name = resolution.stands_for.get(name, name)
    answer = Answer(one.plan.name, one.plan.target.name, (), name, "absent")
    if name not in resolution.pins and name not in resolution.provided:
        candidates = one.pool(platform).candidates(name)
        if candidates and candidates[0].loaded is None:  # a fact that is there, though nobody asks for it
            return replace(
                answer, status="provided", brought=str(Provided(candidates[0].version, candidates[0].note))
            )
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
    """Yield where else a recipe has to do with an image, and what keeps it out."""
    resolution, catalogue = one.plan.resolutions[platform], one.workspace.catalogue
    for pin in resolution.pins.values():
        build = pin.recipe.build
        if build and any(catalogue.canonical(tool.name) == name for tool in build.tools):
            yield f"{pin.name} is built with it, outside of the image"
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
            yield f"{title} does not exist there: it needs {gone.reason}"


def _bringers(one: Selected, platform: str, name: str) -> Iterable[str]:
    """Yield the recipes that require one directly, exist there, and are not in the image."""
    pool, catalogue = one.pool(platform), one.workspace.catalogue
    for loaded in catalogue.all_recipes():
        if loaded.name in one.plan.resolutions[platform].pins:
            continue
        if any(catalogue.canonical(wanted.name) == name for wanted in loaded.recipe.requires) and pool.candidates(
            loaded.name
        ):
            yield loaded.name


def hints(found: Sequence[Answer], name: str, *, in_project: bool) -> list[str]:
    """Return what would bring a recipe into the images that have it not. `in_project`: they are its own."""
    absent = [one for one in found if one.status == "absent" and one.available]
    images = list(dict.fromkeys(one.image for one in absent))
    result = [f"add {name!r} to `recipes` of the image {image!r}" for image in images if in_project]
    bringers = sorted({bringer for one in absent for bringer in one.bringers})
    if bringers:
        more = ", …" if len(bringers) > _MOST_BRINGERS else ""
        result.append(f"recipes that bring it: {', '.join(bringers[:_MOST_BRINGERS])}{more}")
    return result


# ── as JSON


def answers_as_data(found: Sequence[Answer], name: str) -> dict[str, Any]:
    """Return answers as `why --json` prints them (docs/explore.md)."""
    return {"version": 1, "recipe": name, "answers": [_answer_data(one) for one in found]}


def _answer_data(one: Answer) -> dict[str, Any]:
    return {
        "image": one.image,
        "target": one.target,
        "platforms": list(one.platforms),
        "recipe": one.name,
        "status": one.status,
        "brought": one.brought or None,
        "release": _choice_data(one.choice) if one.choice else None,
        "path_count": one.path_count,
        "paths": [[_step_data(step) for step in path] for path in one.paths],
        "notes": list(one.notes),
        "available": one.available,
        "bringers": list(one.bringers),
    }


def _choice_data(chosen: Choice) -> dict[str, Any]:
    return {
        "version": chosen.version or None,
        "reason": chosen.reason,
        "why": chosen.why,
        "variant": chosen.variant or None,
        "others": [{"version": one.version, "kind": one.kind, "why": one.why} for one in chosen.others],
    }


def _step_data(step: Step) -> dict[str, Any]:
    return {
        "from": step.parent or None,
        "to": step.name,
        "asks": [
            {"kind": ask.kind, "requirement": str(ask.requirement), "at": position_data(ask.at)}
            for ask in step.asks
        ],
    }
