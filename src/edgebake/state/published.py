"""What is published: the fingerprints in the labels of the images under the declared tags."""

from __future__ import annotations

from collections.abc import Mapping

from edgebake.model.labels import fingerprint_label
from edgebake.plan.builder import Plan
from edgebake.plan.settings import Settings, expanded_tags, registry_client, registry_of
from edgebake.plan.target_plan import TargetPlan
from edgebake.registry.client import RegistryClient
from edgebake.registry.errors import NotAnImageError, NotFoundError, RefusedError
from edgebake.registry.images import labels_of, read_image
from edgebake.registry.reference import parse_reference


def published_fingerprints(plan: Plan, settings: Settings) -> dict[tuple[str, str], str]:
    """Return the fingerprints of what the registry has, by bake target and platform.

    What is not under every declared tag, or not complete, is left out: it has to be published.

    Raises:
        EdgebakeError: the registry cannot be reached.
    """
    client = registry_client(plan.compilation, settings)
    known: dict[tuple[str, str], str] = {}
    for found in client.each(lambda target: _of_target(client, plan, settings, target), plan.targets):
        known |= found
    missing = _missing_indexes(client, plan, settings, known)
    return {key: digest for key, digest in known.items() if key[0] not in missing}


def _of_target(
    client: RegistryClient, plan: Plan, settings: Settings, target: TargetPlan
) -> dict[tuple[str, str], str]:
    bake_target = target.bake_target
    repository = f"{registry_of(plan.compilation, settings)}/{bake_target.repository}"
    tags = expanded_tags(plan.compilation, settings, bake_target.tags)
    labels = [fingerprint_labels(client, f"{repository}:{tag}") for tag in tags]
    if any(set(one) != set(bake_target.platforms) or one != labels[0] for one in labels):
        return {}
    return {(bake_target.name, platform): digest for platform, digest in labels[0].items()}


def _missing_indexes(
    client: RegistryClient, plan: Plan, settings: Settings, known: Mapping[tuple[str, str], str]
) -> set[str]:
    """Return the bake targets of tags over several targets that are not there as declared."""
    missing: set[str] = set()
    for index in plan.compilation.graph.indexes:
        (tag,) = expanded_tags(plan.compilation, settings, [index.tag])
        reference = f"{registry_of(plan.compilation, settings)}/{index.repository}:{tag}"
        wanted = {platform: known.get((name, platform)) for platform, name in index.parts}
        if fingerprint_labels(client, reference) != wanted:
            missing |= {name for _, name in index.parts}
    return missing


def fingerprint_labels(client: RegistryClient, reference: str) -> dict[str, str]:
    """Return the fingerprints of an image's platforms (hexadecimal), by platform.

    None if there is no such image, or the registry does not show it: many registries answer the same for both.

    Raises:
        EdgebakeError: the registry cannot be reached.
    """
    parsed = parse_reference(reference)
    try:
        image = read_image(client, parsed)
        labels = {one.platform: labels_of(client, parsed.repository, one) for one in image.images}
    except (NotFoundError, RefusedError, NotAnImageError):
        return {}
    found = {platform: own.get(fingerprint_label(platform), "") for platform, own in labels.items()}
    return {platform: text.removeprefix("sha256:") for platform, text in found.items()}
