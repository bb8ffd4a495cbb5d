"""After a push: a tag has all declared platforms, and tags over several targets are put together."""

from __future__ import annotations

from collections.abc import Mapping

from edgebake.compile import Compilation
from edgebake.errors import EdgebakeError
from edgebake.execute.results import Result
from edgebake.execute.settings import Settings, expanded_tags, registry_of
from edgebake.graph.build_graph import BakeTarget, Index
from edgebake.observe.registry import NoAnswerError, look_up


def verify_tags(
    compilation: Compilation, settings: Settings, bake_target: BakeTarget
) -> dict[str, Mapping[str, str]]:
    """Return what the registry has under each of a bake target's tags: digests by platform.

    Raises:
        EdgebakeError: a tag is not there, or has not the declared platforms.
    """
    found = {}
    for tag in expanded_tags(compilation, settings, bake_target.tags):
        reference = f"{registry_of(compilation, settings)}/{bake_target.repository}:{tag}"
        found[reference] = pushed(reference)
        refuse_incomplete(reference, found[reference], set(bake_target.platforms))
    return found


def merge_index(
    compilation: Compilation, settings: Settings, index: Index, bake_targets: Mapping[str, BakeTarget]
) -> list[Result]:
    """Put the pushed images of several targets under one tag.

    Raises:
        EdgebakeError: an image is not there, or the tag has not the declared platforms afterwards.
    """
    from python_on_whales import DockerClient

    registry = registry_of(compilation, settings)
    sources = []
    for platform, name in index.parts:
        repository = f"{registry}/{bake_targets[name].repository}"
        tag = expanded_tags(compilation, settings, bake_targets[name].tags)[0]
        sources.append(f"{repository}@{pushed(f'{repository}:{tag}')[platform]}")
    reference = f"{registry}/{index.repository}:{expanded_tags(compilation, settings, [index.tag])[0]}"
    DockerClient().buildx.imagetools.create(sources=sources, tags=[reference])
    found = pushed(reference)
    refuse_incomplete(reference, found, {platform for platform, _ in index.parts})
    return [Result(index.image, p, 0.0, 0, 0, reference, found[p]) for p, _ in index.parts]


def refuse_incomplete(reference: str, found: Mapping[str, str], declared: set[str]) -> None:
    """Refuse a tag with fewer or other platforms than declared.

    Raises:
        EdgebakeError: naming both.
    """
    if set(found) != declared:
        raise EdgebakeError(
            f"{reference} has not the declared platforms",
            reason=f"it has {', '.join(sorted(found))}; declared are {', '.join(sorted(declared))}",
            hints=("another job may have pushed the same tag; bake again",),
        )


def pushed(reference: str) -> Mapping[str, str]:
    """Return the digests by platform of what has just been pushed.

    Raises:
        EdgebakeError: the registry does not show it.
    """
    try:
        return look_up(reference).platforms
    except NoAnswerError as error:
        raise EdgebakeError(
            f"{reference} was pushed, and its registry does not show it", reason=str(error)
        ) from None
