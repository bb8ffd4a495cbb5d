"""A registry in memory, with the methods of the client that tags and pruning use."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar, cast

from edgebake.registry.client import OCI_INDEX, OCI_MANIFEST, RawManifest, RegistryClient
from edgebake.registry.errors import NotFoundError
from edgebake.registry.reference import Reference, Repository

T = TypeVar("T")
R = TypeVar("R")


class FakeRegistry:
    """Repositories that map tags to digests; manifests and blobs by digest."""

    def __init__(self) -> None:
        self.named: dict[tuple[str, str], str] = {}
        self.manifests: dict[str, RawManifest] = {}
        self.blobs: dict[str, bytes] = {}
        self.deleted: list[str] = []

    @property
    def client(self) -> RegistryClient:
        """This registry, as what a client of it would be."""
        return cast(RegistryClient, self)

    # ── what tests put in

    def add_image(self, tag: Reference, platform: str, created: str = "2026-01-01T00:00:00Z") -> RawManifest:
        """Write a single image of a platform under a tag; `created` makes its digest another."""
        system, _, architecture = platform.partition("/")
        config = {"os": system, "architecture": architecture, "created": created}
        digest = self.put_blob(tag.repository, json.dumps(config).encode())
        content = json.dumps({"config": {"digest": digest}}).encode()
        self.put_manifest(tag, content, OCI_MANIFEST)
        return self.manifest(tag)

    def add_index(
        self,
        tag: Reference,
        children: Iterable[tuple[str, str]],
        annotations: Mapping[str, str] | None = None,
        attested: Iterable[str] = (),
    ) -> RawManifest:
        """Write an index of children (platform and digest) under a tag; `attested` have an attestation each."""
        entries: list[dict[str, object]] = []
        for platform, digest in children:
            system, _, architecture = platform.partition("/")
            entries.append({"digest": digest, "platform": {"os": system, "architecture": architecture}})
        for digest in attested:
            notes = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": digest}
            unknown = {"os": "unknown", "architecture": "unknown"}
            entries.append({"digest": f"sha256:{digest[:6:-1]}", "platform": unknown, "annotations": notes})
        data = {"manifests": entries, "annotations": dict(annotations or {})}
        self.put_manifest(tag, json.dumps(data).encode(), OCI_INDEX)
        return self.manifest(tag)

    # ── the client's methods

    def manifest(self, reference: Reference) -> RawManifest:
        digest = reference.digest or self.named.get((str(reference.repository), reference.tag), "")
        if digest not in self.manifests:
            raise NotFoundError(f"{reference} is not in the registry")
        return self.manifests[digest]

    def find_manifest(self, reference: Reference) -> RawManifest | None:
        try:
            return self.manifest(reference)
        except NotFoundError:
            return None

    def put_manifest(self, reference: Reference, content: bytes, media_type: str) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.manifests[digest] = RawManifest(digest, media_type, content)
        if reference.tag:
            self.named[str(reference.repository), reference.tag] = digest
        return digest

    def delete(self, reference: Reference) -> None:
        digest = self.manifest(reference).digest
        del self.manifests[digest]
        self.deleted.append(digest)
        self.named = {name: named for name, named in self.named.items() if named != digest}

    def blob(self, repository: Repository, digest: str) -> bytes:
        return self.blobs[digest]

    def put_blob(self, repository: Repository, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.blobs[digest] = content
        return digest

    def tags(self, repository: Repository) -> list[str]:
        return sorted(tag for name, tag in self.named if name == str(repository))

    def each(self, ask: Callable[[T], R], questions: Iterable[T], *, at_once: int = 1) -> list[R]:
        return [ask(question) for question in questions]
