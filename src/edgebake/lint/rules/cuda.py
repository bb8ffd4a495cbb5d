"""CUDA of base images, indexes and wheels, against the target's."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.python_env import package_of
from edgebake.graph.view import RecipeView
from edgebake.lint.finding import Finding, Rule
from edgebake.lint.subject import Subject
from edgebake.load.document import Location
from edgebake.model.recipe import Additions, Install, Release
from edgebake.model.target import Target

CUDA_MISMATCH = Rule(
    "cuda-mismatch",
    "a base image, index or wheel is for another CUDA than the target's",
    "write it with the target's fact, as in cu{{ cuda.nodot }}, or let `when` name the CUDA that it is for",
    "error",
)
CUDA_MINOR_MISMATCH = Rule(
    "cuda-minor-mismatch",
    "an index or wheel is for an older CUDA of the same major version, which runs if it brings its own libraries",
    "write it with the target's fact, as in cu{{ cuda.nodot }}; or accept it, if there is no build for the target",
)

_BUILD = re.compile(r"(?<![a-z0-9])cu(?P<major>1\d|[2-9]\d|9)(?P<minor>\d)(?![0-9])")
_NVIDIA = re.compile(r"\bnvidia-[a-z0-9-]+-cu(?P<major>\d\d)(?![0-9])")
_CUPY = re.compile(r"\bcupy-cuda(?P<major>1\d)(?:x|\d)")
_BASE = re.compile(r"cuda[:-](?P<major>\d+)\.(?P<minor>\d+)")


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what does not fit: of targets, of all recipes in the images, and of the locked packages."""
    for name, target in sorted(subject.compilation.targets.items()):
        yield from _base(subject, name, target)
    for plan in subject.plans:
        for view in dict.fromkeys(view for platform in plan.platforms for view in plan.views_on(platform)):
            yield from _recipe(view, plan.target)
        yield from _locked(subject, plan)


def _base(subject: Subject, name: str, target: Target) -> Iterator[Finding]:
    match = _BASE.search(target.base.image)
    if match is None or target.cuda is None:
        return
    wrong = _other_cuda(match["major"], match["minor"], target)
    if wrong:
        at = subject.workspace.catalogue.target(name).document.at(("base", "image"))
        yield CUDA_MISMATCH.found(f"the base image is for {wrong}", at, targets=[name])


def _recipe(view: RecipeView, target: Target) -> Iterator[Finding]:
    for part, location in _parts(view):
        for field in ("pip_index", "pip"):
            for index, written in enumerate(getattr(part, field)):
                place = (*location, field, index)
                text = view.text(written, place)
                found = _mismatch(text, target)
                if found:
                    rule, wrong = found
                    message, at = f"{text.split(' @ ')[0]} is for {wrong}", view.at(place)
                    yield rule.found(message, at, recipe=view.pin.name, targets=[target.name])


def _parts(view: RecipeView) -> Iterator[tuple[Install | Additions, Location]]:
    """Yield what a pinned recipe is made of, each part with its place in the file."""
    yield view.recipe.install, ("install",)
    location: Location = ("releases", max(view.pin.loaded.release_number(view.pin.release), 0))
    for part in view.pin.additions:
        if not isinstance(part, Release):
            location = (*location, "variants", view.pin.candidate.variant_number)
        yield part, location


def _locked(subject: Subject, plan: ImagePlan) -> Iterator[Finding]:
    """Yield locked packages of another CUDA major; they come with what recipes ask for."""
    if plan.target.cuda is None:
        return  # some packages bring a wheel of NVIDIA's to every machine
    for platform, env in plan.python.items():
        for recipe, lines in env.requirements.items():
            for line in lines:
                name = package_of(line)
                match = _NVIDIA.match(name) or _CUPY.match(name)
                wrong = _other_cuda(match["major"], None, plan.target) if match else None
                if wrong:
                    message = f"the locked package {name}, which {recipe!r} brings on {platform}, is for {wrong}"
                    yield subject.found(CUDA_MISMATCH, plan, message, "recipes")


def _mismatch(text: str, target: Target) -> tuple[Rule, str] | None:
    """Return the rule that an index or a requirement breaks, and how, as prose; None if it fits."""
    match = _NVIDIA.search(text) or _CUPY.search(text)
    if match:
        wrong = _other_cuda(match["major"], None, target)
        return (CUDA_MISMATCH, wrong) if wrong else None
    match = _BUILD.search(text)
    wrong = _other_cuda(match["major"], match["minor"], target) if match else None
    if match is None or wrong is None:
        return None
    # Within a major version, software for an older one runs with a newer driver (CUDA's minor version
    # compatibility). A Jetson has one CUDA, and software for it is built for that one.
    major, minor = _parts_of(target)
    is_older = match["major"] == major and int(match["minor"]) < int(minor)
    return (CUDA_MINOR_MISMATCH if is_older and not target.is_tegra else CUDA_MISMATCH), wrong


def _other_cuda(major: str, minor: str | None, target: Target) -> str | None:
    """Return which CUDA something is for, and which one the target has, if they differ."""
    own_major, own_minor = _parts_of(target)
    if own_major == major and minor in (None, own_minor):
        return None
    named = major if minor is None else f"{major}.{minor}"
    return f"CUDA {named}, and the target has {target.cuda or 'none'}"


def _parts_of(target: Target) -> tuple[str, str]:
    """Return major and minor version of a target's CUDA; "" as major if it has none."""
    major, _, rest = (target.cuda or "").partition(".")
    return major, rest.split(".")[0] or "0"
