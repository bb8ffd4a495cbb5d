"""A base image that lacks an architecture of its target is found before a build."""

from __future__ import annotations

from collections.abc import Iterable

from edgebake.errors import EdgebakeError, ErrorGroup
from edgebake.graph.compile import Compilation
from edgebake.graph.names import base_variable
from edgebake.load.workspace import Workspace
from edgebake.model.target import Target
from edgebake.plan.builder import Plan
from edgebake.plan.settings import Settings, registry_client
from edgebake.registry.client import RegistryClient
from edgebake.registry.errors import RegistryError
from edgebake.registry.images import read_image
from edgebake.registry.mirrors import merged_mirrors, mirrored
from edgebake.registry.reference import parse_reference


def check_bases(plan: Plan, settings: Settings) -> None:
    """See that the base images of what is built have its platforms: from the lock, else from their registries.

    Buildx reports a registry that does not answer: the image may be in the builder's cache.

    Raises:
        EdgebakeError: a base image has no such platform.
    """
    compilation = plan.compilation
    platforms: dict[str, set[str]] = {}
    for one in plan.targets:
        platforms.setdefault(one.bake_target.target, set()).update(one.platforms)
    targets = [compilation.targets[name] for name in sorted(platforms)]
    client = registry_client(compilation, settings, patient=False)
    found = client.each(lambda target: _platforms(compilation, settings, client, target), targets)
    errors = []
    for target, there in zip(targets, found, strict=True):
        if there is not None:
            errors += lacking(compilation.workspace, target, platforms[target.name], there)
    if errors:
        raise ErrorGroup(errors)


def lacking(
    workspace: Workspace, target: Target, wanted: Iterable[str], found: Iterable[str]
) -> list[EdgebakeError]:
    """Return the error for a target whose base image has not all platforms that are wanted; none if it has."""
    found = sorted(found)
    missing = sorted(set(wanted) - set(found))
    if not missing:
        return []
    error = EdgebakeError(
        f"the base image {target.base.image} has no {', '.join(missing)}",
        at=workspace.catalogue.target(target.name).document.at(("base", "image")),
        reason=f"the target {target.name!r} needs it; the image has {', '.join(found) or 'no platform'}",
        hints=("name another base image, or remove the platform from the target's or the image's `platforms`",),
    )
    return [error]


def _platforms(
    compilation: Compilation, settings: Settings, client: RegistryClient, target: Target
) -> set[str] | None:
    """Return the platforms of a target's base image; None if nobody says."""
    image, variable = target.base.image, base_variable(target.name)
    other = settings.variables.get(variable) or settings.environment.get(variable)
    lock = compilation.workspace.lock
    locked = lock.bases.get(image) if lock and not other else None
    if locked is not None and locked.digest:
        return set(locked.platforms)
    mirrors = merged_mirrors(compilation.workspace.project.mirrors, settings.mirrors)
    reference = other or mirrored(image, mirrors)
    try:
        return {one.platform for one in read_image(client, parse_reference(reference)).images}
    except RegistryError:
        return None
