"""What an image consists of on one target and platform, as far as a person compares it, and what differs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from packaging.requirements import Requirement

from edgebake.dataclasses import dataclass
from edgebake.graph.build_graph import BakeTarget
from edgebake.graph.compile import Compilation
from edgebake.graph.image_plan import ImagePlan
from edgebake.model.lock import Lock, LockedPackage
from edgebake.render.dockerfile import base_reference

_RUNTIME = ("user", "workdir", "stop_signal", "healthcheck", "config")
_COLLECTED = ("expose", "volumes")
Kind = Literal["base", "recipe", "python", "setting", "tag"]
KINDS: tuple[Kind, ...] = ("base", "recipe", "python", "setting", "tag")


@dataclass(frozen=True)
class Change:
    """One thing that was added, removed or changed.

    `name` is a recipe, a Python package, a setting or a tag; empty if there is one only. `before` and `after` are
    its release or value; None where it is not there.
    """

    kind: Kind
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Where:
    """A change, and the platforms on which it is."""

    change: Change
    platforms: tuple[str, ...]


Facts = Mapping[Kind, Mapping[str, str]]
"""What an image consists of on a platform: values by name, for each kind."""


def changes_of(before: Facts, after: Facts) -> list[Change]:
    """Return what differs between two sets of facts, by kind and name."""
    return [
        Change(kind, name, before.get(kind, {}).get(name), after.get(kind, {}).get(name))
        for kind in KINDS
        for name in sorted({*before.get(kind, {}), *after.get(kind, {})})
        if before.get(kind, {}).get(name) != after.get(kind, {}).get(name)
    ]


def by_platforms(found: Iterable[tuple[str, Sequence[Change]]]) -> list[Where]:
    """Return changes by kind and name, each with all its platforms."""
    platforms: dict[Change, list[str]] = {}
    for platform, changes in found:
        for change in changes:
            platforms.setdefault(change, []).append(platform)
    places = sorted(platforms.items(), key=lambda one: (KINDS.index(one[0].kind), one[0].name))
    return [Where(change, tuple(where)) for change, where in places]


def facts_of(compilation: Compilation, bake_target: BakeTarget, platform: str) -> Facts:
    """Return what an image consists of on a platform."""
    plan = compilation.plan_of(bake_target)
    return {
        "base": {"": _base(compilation, plan, platform)},
        "recipe": recipes_of(plan, platform),
        "python": _packages(compilation.workspace.lock, plan, platform),
        "setting": _settings(plan, platform),
        "tag": dict.fromkeys(_tags(compilation, bake_target), ""),
    }


def recipes_of(plan: ImagePlan, platform: str) -> dict[str, str]:
    """Return the release of each recipe in an image, and what the base image or the host brings."""
    resolution = plan.resolutions[platform]
    found = {}
    for name, pin in resolution.pins.items():
        release = pin.title.removeprefix(name).strip()
        only = "" if name in resolution.installed else "only compiled against"
        found[name] = ", ".join(text for text in (release, only) if text)
    return found | {name: str(one) for name, one in resolution.provided.items()}


def package_version(package: LockedPackage) -> str:
    """Return the release of a locked Python package, and the address if it is named by one."""
    return f"{package.version} from {package.archive.url}" if package.archive else package.version


def _base(compilation: Compilation, plan: ImagePlan, platform: str) -> str:
    image = plan.target.base.image
    lock = compilation.workspace.lock
    locked = lock.bases.get(image) if lock else None
    if locked is not None and platform in locked.platforms and "@" not in image:
        return f"{image}@{locked.platforms[platform]}"
    return base_reference(compilation, image)


def _packages(lock: Lock | None, plan: ImagePlan, platform: str) -> dict[str, str]:
    """Return the Python packages with their releases; with what is asked for where they are not locked."""
    env = plan.python[platform]
    locked = lock.images.get(plan.name, {}).get(plan.target.name) if lock else None
    if env.locked and locked is not None and platform in locked.python:
        return {one.name: package_version(one) for one in locked.python[platform].packages}
    asked: dict[str, list[str]] = {}
    for text in env.constraints:
        requirement = Requirement(text)
        asked.setdefault(requirement.name, []).append(requirement.url or str(requirement.specifier) or "any")
    return {name: f"{', '.join(texts)} (not locked)" for name, texts in asked.items()}


def _settings(plan: ImagePlan, platform: str) -> dict[str, str]:
    found: dict[str, Any] = {}
    for view in plan.views_on(platform):
        found |= {f"env {name}": value for name, value in view.env.items()}
        found |= {f"arg {name} of {view.pin.name}": value for name, value in view.args.items()}
    found |= {f"env {name}": value for name, value in plan.image.env.items()}
    found |= {f"label {name}": value for name, value in plan.image.labels.items()}
    entrypoint, cmd = plan.entry()
    found |= {"entrypoint": entrypoint, "cmd": cmd, "gpu": plan.needs_gpu or None}
    found |= {name: plan.runtime(name) for name in _RUNTIME}
    found |= {name: plan.collected(name) or None for name in _COLLECTED}
    return {name: _text(value) for name, value in found.items() if value is not None}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    data = value.model_dump(mode="json", exclude_none=True) if hasattr(value, "model_dump") else value
    return json.dumps(data, ensure_ascii=False)


def _tags(compilation: Compilation, bake_target: BakeTarget) -> list[str]:
    """Return the references under which an image is published; variables of the bake file stay as they are."""
    registry = compilation.workspace.project.registry
    own = [f"{registry}/{bake_target.repository}:{tag}" for tag in bake_target.tags]
    indexes = [
        f"{registry}/{index.repository}:{index.tag}"
        for index in compilation.graph.indexes
        if any(name == bake_target.name for _, name in index.parts)
    ]
    return [*own, *indexes]
