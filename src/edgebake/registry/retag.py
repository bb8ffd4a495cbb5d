"""Removing a tag and nothing else.

Registries delete manifests, and some (distribution 2) delete them by digest only, with all tags that name it; a
manifest that an index needs would be gone. So the tag is first moved to an empty manifest of its own, and that one
is deleted, in whichever way the registry offers. Where it offers none, the tag is put back.
"""

from __future__ import annotations

import json
import uuid
from contextlib import suppress

from edgebake.registry.client import OCI_MANIFEST, RegistryClient
from edgebake.registry.errors import NotFoundError, RegistryError
from edgebake.registry.reference import Reference

_EMPTY = b"{}"
# https://github.com/opencontainers/image-spec/blob/main/manifest.md
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_ARTIFACT_TYPE = "application/vnd.edgebake.removed-tag.v1"


def remove_tag(client: RegistryClient, tag: Reference) -> bool:
    """Remove a tag; the manifest that it names stays. Return False if there was no such tag.

    Raises:
        RegistryError: the registry does not delete, or not for this login; the tag is unchanged.
    """
    before = client.find_manifest(tag)
    if before is None:
        return False
    content = _throwaway(client, tag)
    digest = client.put_manifest(tag, content, OCI_MANIFEST)
    try:
        _delete(client, tag, digest)
    except RegistryError:
        client.put_manifest(tag, before.content, before.media_type)
        raise
    return True


def _delete(client: RegistryClient, tag: Reference, digest: str) -> None:
    with suppress(NotFoundError):  # another process has removed it
        try:
            client.delete(tag.repository.by_digest(digest))
        except NotFoundError:
            raise
        except RegistryError:
            client.delete(tag)  # some delete tags only


def _throwaway(client: RegistryClient, tag: Reference) -> bytes:
    config = client.put_blob(tag.repository, _EMPTY)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": _ARTIFACT_TYPE,
        "config": {"mediaType": _EMPTY_TYPE, "digest": config, "size": len(_EMPTY)},
        "layers": [],
        "annotations": {"dev.edgebake.removed-tag": f"{tag.tag} {uuid.uuid4()}"},  # a digest of its own
    }
    return json.dumps(manifest).encode()
