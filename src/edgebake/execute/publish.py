"""After a push: check that tags are complete, write the tags over several targets, and note the digests."""

from __future__ import annotations

from collections.abc import Mapping

from edgebake.errors import EdgebakeError
from edgebake.execute.results import Result
from edgebake.graph.build_graph import BakeTarget, Index
from edgebake.graph.compile import Compilation
from edgebake.graph.image_stage import index_annotations
from edgebake.plan.builder import Plan
from edgebake.plan.settings import Settings, expanded_tags, registry_client, registry_of
from edgebake.registry.errors import NotFoundError
from edgebake.registry.images import RegistryImage, read_image
from edgebake.registry.reference import parse_reference, parse_repository
from edgebake.registry.tags import TagSet, check_platforms, write_tags


def verify_tags(
    compilation: Compilation, settings: Settings, bake_target: BakeTarget
) -> dict[str, Mapping[str, str]]:
    """Return what the registry has under each of a bake target's tags: digests by platform.

    Raises:
        EdgebakeError: a tag is not there, or does not have the declared platforms.
    """
    found: dict[str, Mapping[str, str]] = {}
    for tag in expanded_tags(compilation, settings, bake_target.tags):
        reference = f"{registry_of(compilation, settings)}/{bake_target.repository}:{tag}"
        image = _pushed(compilation, settings, reference)
        check_platforms(image, bake_target.platforms)
        found[reference] = {one.platform: one.digest for one in image.images}
    return found


def merge_index(plan: Plan, settings: Settings, index: Index) -> list[Result]:
    """Write the pushed images of several targets under one tag, with their attestations.

    Raises:
        EdgebakeError: an image is not there, or the tag does not have the declared platforms afterwards.
    """
    compilation, registry = plan.compilation, registry_of(plan.compilation, settings)
    images = []
    for platform, name in index.parts:
        bake_target = plan.target(name).bake_target
        tag = expanded_tags(compilation, settings, bake_target.tags)[0]
        image = _pushed(compilation, settings, f"{registry}/{bake_target.repository}:{tag}")
        check_platforms(image, bake_target.platforms)
        images.append(image.by_platform[platform])
    first = plan.target(index.parts[0][1]).bake_target
    annotations = index_annotations(compilation.plan_of(first)) if len(images) > 1 else {}
    repository = parse_repository(f"{registry}/{index.repository}")
    tags = tuple(expanded_tags(compilation, settings, [index.tag]))
    wanted = TagSet(index.image, repository, tags, tuple(images), annotations)
    (published,) = write_tags(registry_client(compilation, settings), wanted)
    return [Result(index.image, p, 0.0, 0, 0, published.reference, published.platforms[p]) for p, _ in index.parts]


def _pushed(compilation: Compilation, settings: Settings, reference: str) -> RegistryImage:
    """Return what has just been pushed; an EdgebakeError if the registry does not show it."""
    try:
        return read_image(registry_client(compilation, settings), parse_reference(reference))
    except NotFoundError as error:
        message = f"{reference} was pushed, but the registry does not have it"
        raise EdgebakeError(message, reason=error.reason) from None
