"""What the repository of stacks holds of what a build could reuse: one snapshot, made of many quick questions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from edgebake.plan.reuse import Snapshot
from edgebake.plan.stacks import Keyed
from edgebake.registry.errors import NotFoundError, RegistryError
from edgebake.registry.reference import Reference, parse_repository

if TYPE_CHECKING:
    from edgebake.registry.client import RawManifest, RegistryClient


def observe_stacks(client: RegistryClient, repository: str, stages: Iterable[Keyed]) -> Snapshot:
    """Return what is published of `stages`.

    A registry that cannot be asked is no error: everything is built then. What is there for other platforms than
    its key says is not used.

    Args:
        client: asks the registry.
        repository: where stacks are published.
        stages: what could be reused.
    """
    place = parse_repository(repository)
    platforms = {stage.key: stage.platforms for stage in stages}

    def ask(key: str) -> tuple[str, str]:
        """Return the digest of what a key names; and why it is not used, if it is not."""
        reference = place.tagged(key)
        try:
            manifest = client.manifest(reference)
            found = _platforms(client, reference, manifest)
        except NotFoundError:
            return "", ""
        except (ValueError, KeyError, TypeError, AttributeError):
            return "", "it is damaged"
        if sorted(found) != sorted(platforms[key]):
            return "", f"it is for {', '.join(sorted(found)) or 'no platform'}"
        return manifest.digest, ""

    try:
        # One alone first: where there is no registry, not every question shall wait for its answer.
        keys = list(platforms)
        given = [*client.each(ask, keys[:1]), *client.each(ask, keys[1:])]
        answers = dict(zip(keys, given, strict=True))
    except RegistryError as error:
        return Snapshot(repository, failure=f"{error.message}{f' ({error.reason})' if error.reason else ''}")
    found = {key: digest for key, (digest, _) in answers.items() if digest}
    return Snapshot(repository, found, {key: why for key, (_, why) in answers.items() if why})


def _platforms(client: RegistryClient, reference: Reference, manifest: RawManifest) -> list[str]:
    """Return the platforms of a manifest, attestations left out."""
    if manifest.is_index:
        parts = [(_name(child["platform"]), child["digest"]) for child in manifest.children]
        for _, digest in parts:
            client.digest(reference.at(digest))  # a registry may have lost, or deleted, a part of it
        return [name for name, _ in parts if name != "unknown/unknown"]
    config = json.loads(client.blob(reference.repository, manifest.data["config"]["digest"]))
    return [_name(config)]


def _name(platform: Mapping[str, Any]) -> str:
    return f"{platform['os']}/{platform['architecture']}"
