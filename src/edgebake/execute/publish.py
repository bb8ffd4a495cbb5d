"""After a push: a tag has all declared platforms, tags over several targets are put together, and digests noted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edgebake.errors import EdgebakeError
from edgebake.execute.results import Result
from edgebake.graph.build_graph import BakeTarget, Index
from edgebake.graph.compile import Compilation
from edgebake.plan.settings import Settings, expanded_tags, registry_client, registry_of
from edgebake.registry.errors import NotFoundError
from edgebake.registry.images import RegistryImage, read_image
from edgebake.registry.reference import parse_reference
from edgebake.registry.tags import write_index


def verify_tags(
    compilation: Compilation, settings: Settings, bake_target: BakeTarget
) -> dict[str, Mapping[str, str]]:
    """Return what the registry has under each of a bake target's tags: digests by platform.

    Raises:
        EdgebakeError: a tag is not there, or has not the declared platforms.
    """
    found: dict[str, Mapping[str, str]] = {}
    for tag in expanded_tags(compilation, settings, bake_target.tags):
        reference = f"{registry_of(compilation, settings)}/{bake_target.repository}:{tag}"
        image = _pushed(compilation, settings, reference)
        refuse_incomplete(image, bake_target.platforms)
        found[reference] = {one.platform: one.digest for one in image.images}
    return found


def merge_index(
    compilation: Compilation, settings: Settings, index: Index, bake_targets: Mapping[str, BakeTarget]
) -> list[Result]:
    """Put the pushed images of several targets under one tag, with their attestations.

    Raises:
        EdgebakeError: an image is not there, or the tag has not the declared platforms afterwards.
    """
    registry = registry_of(compilation, settings)
    images = {}
    for platform, name in index.parts:
        tag = expanded_tags(compilation, settings, bake_targets[name].tags)[0]
        image = _pushed(compilation, settings, f"{registry}/{bake_targets[name].repository}:{tag}")
        refuse_incomplete(image, bake_targets[name].platforms)
        images[platform] = image
    client = registry_client(compilation, settings)
    parts = {platform: image.by_platform[platform] for platform, image in images.items()}
    plan = compilation.plan_of(bake_targets[index.parts[0][1]])
    tags = expanded_tags(compilation, settings, [index.tag])
    (published,) = write_index(client, f"{registry}/{index.repository}", tags, index.image, parts, plan)
    return [Result(index.image, p, 0.0, 0, 0, published.reference, published.platforms[p]) for p, _ in index.parts]


def refuse_incomplete(image: RegistryImage, declared: Iterable[str]) -> None:
    """Refuse a tag with fewer, more or other platforms than declared.

    Raises:
        EdgebakeError: naming both.
    """
    found, wanted = sorted(one.platform for one in image.images), sorted(declared)
    if found != wanted:
        raise EdgebakeError(
            f"{image.reference} has not the declared platforms",
            reason=f"it has {', '.join(found)}; declared are {', '.join(wanted)}",
            hints=("another job may have pushed the same tag; bake again",),
        )


def _pushed(compilation: Compilation, settings: Settings, reference: str) -> RegistryImage:
    """Return what has just been pushed.

    Raises:
        EdgebakeError: the registry does not show it.
    """
    try:
        return read_image(registry_client(compilation, settings), parse_reference(reference))
    except NotFoundError as error:
        raise EdgebakeError(
            f"{reference} was pushed, and its registry does not show it", reason=error.reason
        ) from None
