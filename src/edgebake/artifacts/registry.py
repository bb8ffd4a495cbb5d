"""Artifacts between a folder and a registry: the same manifests, under the same keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebake.artifacts.facts import Facts, facts_in
from edgebake.artifacts.layout import OCI_INDEX, OCI_MANIFEST, DamagedError, Entry, Layout, blobs_of
from edgebake.registry.errors import RegistryError

if TYPE_CHECKING:
    from edgebake.registry.client import RegistryClient
    from edgebake.registry.reference import Repository


@dataclass(frozen=True)
class Published:
    """An artifact in a registry: its key, its digest, and what it is for."""

    key: str
    digest: str
    facts: Facts


def push(layout: Layout, client: RegistryClient, place: Repository, tell: Callable[[str], None]) -> list[str]:
    """Push what a folder has and the registry has not; return the keys.

    Args:
        layout: the folder.
        client: asks the registry.
        place: the repository; one of stacks will do, and serves every bake then.
        tell: is told of what is damaged, and not pushed.

    Raises:
        RegistryError: the registry refuses it.
    """
    pushed = []
    entries = sorted(layout.entries(), key=lambda entry: (entry.media_type == OCI_INDEX, entry.key))
    for entry in entries:  # indexes after what is in them
        if client.find_digest(place.tagged(entry.key)) == entry.digest:
            continue
        why = layout.check(entry)
        if why:
            tell(f"{entry.key} is not pushed: {why}")
            continue
        for digest, manifest in layout.manifests(entry).items():
            for blob in blobs_of(manifest):
                client.put_blob(place, layout.blob(blob["digest"]).read_bytes())
            if digest != entry.digest:
                client.put_manifest(place.by_digest(digest), layout.blob(digest).read_bytes(), OCI_MANIFEST)
        client.put_manifest(place.tagged(entry.key), layout.blob(entry.digest).read_bytes(), entry.media_type)
        pushed.append(entry.key)
    return pushed


def published(client: RegistryClient, place: Repository) -> list[Published]:
    """Return the artifacts of one platform that a repository has, by key; what is no artifact is left out.

    Raises:
        RegistryError: the registry cannot be asked.
    """

    def ask(key: str) -> Published | None:
        manifest = client.find_manifest(place.tagged(key))
        try:
            facts = facts_in(manifest.data) if manifest is not None and not manifest.is_index else None
        except (ValueError, AttributeError):
            return None
        return Published(key, manifest.digest, facts) if manifest is not None and facts is not None else None

    return [found for found in client.each(ask, client.tags(place)) if found is not None]


def pull(
    layout: Layout,
    client: RegistryClient,
    place: Repository,
    wanted: Mapping[str, str],
    tell: Callable[[str], None],
) -> list[str]:
    """Fetch the artifacts that fit, and that a folder has not whole; return their keys.

    Args:
        layout: the folder.
        client: asks the registry.
        place: the repository.
        wanted: facts that an artifact has to have.
        tell: is told of what is damaged, there or here.

    Raises:
        RegistryError: the registry cannot be asked.
    """
    here = {entry.key: entry for entry in layout.entries()}
    pulled = []
    for one in published(client, place):
        if not one.facts.fits(wanted):
            continue
        known = here.get(one.key)
        why = layout.check(known) if known is not None else ""
        if known is not None and known.digest == one.digest and not why:
            continue
        if why:
            tell(f"{one.key} is fetched again: {why}")
        try:
            _fetch(layout, client, place, one)
        except (RegistryError, DamagedError) as error:
            tell(f"{one.key} is left out: {error}")
            continue
        pulled.append(one.key)
    return pulled


def _fetch(layout: Layout, client: RegistryClient, place: Repository, one: Published) -> None:
    """Fetch an artifact; each part is checked by its digest before its key is written."""
    manifest = client.manifest(place.by_digest(one.digest))
    with layout.writing():
        for blob in blobs_of(json.loads(manifest.content)):
            layout.put(client.blob(place, blob["digest"]))
        layout.tag(one.key, layout.put(manifest.content), OCI_MANIFEST)


def damaged(layout: Layout, entries: Iterable[Entry]) -> dict[str, str]:
    """Return by key what is wrong with entries."""
    return {entry.key: why for entry in entries if (why := layout.check(entry))}
