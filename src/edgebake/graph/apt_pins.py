"""System packages that recipes pin to different versions: apt would install one after the other, or fail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, ErrorGroup
from edgebake.graph.build_half import libraries_of
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.names import arch
from edgebake.graph.view import RecipeView
from edgebake.load.document import Location

Written = tuple[RecipeView, str, Location]
"""A system package as a recipe names it, and where."""


@dataclass(frozen=True)
class _Pin:
    """A package that is pinned: to a version (`=`), or to a suite (`/`)."""

    package: str
    kind: str
    value: str


def refuse_apt_conflicts(plans: Iterable[ImagePlan]) -> None:
    """Refuse images in which recipes pin one system package to different versions, or to different suites.

    The packages of an image's install stages are one set. Those of a build stage, and of what it is compiled
    against, are another.

    Raises:
        EdgebakeError: naming the recipes and their lines; all conflicts at once, each with all its images.
    """
    conflicts: dict[tuple[str, str], list[tuple[str, EdgebakeError]]] = {}
    for plan in plans:
        for platform in plan.platforms:
            for what, written in _sets(plan, platform):
                for error in _conflicts(written, platform):
                    conflicts.setdefault((error.message, error.reason or ""), []).append((what, error))
    errors = [_with_subjects(list(dict(found).items())) for found in conflicts.values()]
    if errors:
        raise errors[0] if len(errors) == 1 else ErrorGroup(errors)


def _sets(plan: ImagePlan, platform: str) -> Iterator[tuple[str, list[Written]]]:
    """Yield the packages that are installed together, with what they are for."""
    views = plan.views_on(platform)
    yield f"image {plan.name!r} on {plan.target.name}", [(v, *one) for v in views for one in v.written_apt]
    for pin in plan.resolutions[platform].pins.values():
        if pin.recipe.build is not None:
            own = plan.views[platform, pin.name]
            libraries = [plan.views[platform, library.name] for library in libraries_of(plan, pin, platform)]
            written = [(own, *one) for one in own.written_build_apt]
            written += [(view, *one) for view in libraries for one in view.written_sysroot_apt]
            yield f"the build stage of {pin.name!r} on {plan.target.name}", written


def _conflicts(written: Sequence[Written], platform: str) -> Iterator[EdgebakeError]:
    pins: dict[tuple[str, str], dict[str, Written]] = {}
    for view, text, location in written:
        pin = _pin(text, platform)
        if pin is not None:
            pins.setdefault((pin.package, pin.kind), {}).setdefault(pin.value, (view, text, location))
    for (package, kind), asked in sorted(pins.items()):
        if len(asked) > 1:
            yield _error(package, "version" if kind == "=" else "suite", list(asked.values()))


def _pin(text: str, platform: str) -> _Pin | None:
    """Return what a package is pinned to; None if it is not pinned. `name:arm64` is `name` on that platform."""
    for kind in "=/":
        name, separator, value = text.partition(kind)
        if separator:
            return _Pin(name.removesuffix(f":{arch(platform)}"), kind, value)
    return None


def _error(package: str, kind: str, asked: Sequence[Written]) -> EdgebakeError:
    lines = [f"{view.pin.name} installs {text} ({view.at(location)})" for view, text, location in asked]
    view, _, location = asked[0]
    return EdgebakeError(
        f"the system package {package!r} is pinned to {len(asked)} different {kind}s",
        at=view.at(location),
        reason="\n".join(lines),
        hints=(f"pin it to one {kind}, or pin it in one recipe only",),
    )


def _with_subjects(found: Sequence[tuple[str, EdgebakeError]]) -> EdgebakeError:
    """Return a conflict with what it concerns."""
    (subject, error), *others = found
    more = f" and {len(others)} more" if others else ""
    return EdgebakeError(f"{subject}{more}: {error.message}", at=error.at, reason=error.reason, hints=error.hints)
