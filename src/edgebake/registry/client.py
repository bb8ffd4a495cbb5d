"""A registry's HTTP API: manifests, tags and blobs, with the user's Docker logins.

Source: the OCI distribution specification, https://github.com/opencontainers/distribution-spec/blob/main/spec.md.
Buildx builds and merges; this client does what Buildx has no command for (tags, deletion, many quick requests).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

from pydantic import ConfigDict, Field, JsonValue

from edgebake.dataclasses import dataclass
from edgebake.model.base import Model
from edgebake.model.decoding import decode
from edgebake.registry.errors import NotAnImageError, NotFoundError, RegistryError
from edgebake.registry.reference import Reference, Repository

if TYPE_CHECKING:
    from pathlib import Path

    from urllib3 import BaseHTTPResponse

T = TypeVar("T")
R = TypeVar("R")

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
MEDIA_TYPES = (OCI_INDEX, DOCKER_INDEX, OCI_MANIFEST, DOCKER_MANIFEST)
_ACCEPT = {"Accept": ", ".join(MEDIA_TYPES)}  # a registry hides what is not named
CONCURRENCY = 16
"""Requests at once: a registry's own limit for one client is not far above (Docker Hub, ghcr.io)."""
_PAGE = 1000  # tags asked for at once
_PAGES = 1000
_DIGEST = re.compile(r"^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$")


@dataclass(frozen=True)
class RawManifest:
    """A manifest as the registry has it."""

    digest: str
    media_type: str
    content: bytes

    @cached_property
    def data(self) -> dict[str, Any]:
        """The manifest as data.

        Raises:
            RegistryError: it is none.
        """
        return json_of(_Manifest, self.content, f"the manifest {self.digest}")

    @property
    def descriptor(self) -> dict[str, Any]:
        """How an index names it, without its platform."""
        return {"mediaType": self.media_type or OCI_MANIFEST, "digest": self.digest, "size": len(self.content)}

    @property
    def is_index(self) -> bool:
        """Whether it lists other manifests."""
        return self.media_type in (OCI_INDEX, DOCKER_INDEX)

    @property
    def children(self) -> list[dict[str, Any]]:
        """The descriptors of an index; none for a single image."""
        return list(self.data.get("manifests") or ())


class RegistryClient:
    """Asks registries. Safe to use from several threads.

    Every method raises a :class:`~edgebake.registry.errors.RegistryError`: NotFoundError, RefusedError,
    UnsupportedError or UnreachableError.

    Args:
        environment: where Docker's configuration, proxies and `SSL_CERT_FILE` are found (`os.environ`).
        ca_bundle: further certificates to trust.
        patient: whether requests that a registry does not answer are retried.
        insecure: registries that are spoken to without TLS: `host` or `host:port`.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        ca_bundle: Path | None = None,
        *,
        patient: bool = True,
        insecure: Collection[str] = (),
    ) -> None:
        from edgebake.registry.transport import Transport

        self._call = Transport(
            environment, ca_bundle, connections=CONCURRENCY, patient=patient, insecure=insecure
        ).call

    # ── manifests

    def digest(self, reference: Reference) -> str:
        """Return the digest of what a reference names, without fetching it."""
        response = self._call("HEAD", reference.repository, f"manifests/{reference.name}", headers=_ACCEPT)
        found = response.headers.get("Docker-Content-Digest")
        if not found:  # some registries leave it out for a HEAD
            return self.manifest(reference).digest
        if not _DIGEST.fullmatch(found) or (reference.digest and found != reference.digest):
            raise _other_content(str(reference), found)
        return found

    def find_digest(self, reference: Reference) -> str | None:
        """Return the digest of what a reference names; None if it is not in the registry."""
        try:
            return self.digest(reference)
        except NotFoundError:
            return None

    def manifest(self, reference: Reference) -> RawManifest:
        """Return a manifest. Its digest is that of its bytes; one that was asked for is checked."""
        response = self._call("GET", reference.repository, f"manifests/{reference.name}", headers=_ACCEPT)
        content = response.data
        digest = _checked(content, reference.digest, str(reference))
        media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
        return RawManifest(digest, media_type, content)

    def find_manifest(self, reference: Reference) -> RawManifest | None:
        """Return a manifest; None if it is not in the registry."""
        try:
            return self.manifest(reference)
        except NotFoundError:
            return None

    def put_manifest(self, reference: Reference, content: bytes, media_type: str) -> str:
        """Write a manifest under a tag or its digest; return its digest."""
        path, headers = f"manifests/{reference.name}", {"Content-Type": media_type}
        self._call("PUT", reference.repository, path, actions="pull,push", body=content, headers=headers)
        return _sha256(content)

    def delete(self, reference: Reference) -> None:
        """Delete a manifest with all its tags (by digest), or a tag alone (by tag, where the registry can)."""
        self._call("DELETE", reference.repository, f"manifests/{reference.name}", actions="pull,push,delete")

    # ── blobs

    def blob(self, repository: Repository, digest: str) -> bytes:
        """Return a blob, such as an image's configuration."""
        content = self._call("GET", repository, f"blobs/{digest}").data
        _checked(content, digest, f"{repository}@{digest}")
        return content

    def put_blob(self, repository: Repository, content: bytes) -> str:
        """Write a blob if the registry does not have it; return its digest."""
        digest = _sha256(content)
        try:
            self._call("HEAD", repository, f"blobs/{digest}", actions="pull,push")
        except NotFoundError:
            started = self._call("POST", repository, "blobs/uploads/", actions="pull,push")
            path = started.headers.get("Location", "")
            path += ("&" if "?" in path else "?") + urlencode({"digest": digest})
            headers = {"Content-Type": "application/octet-stream"}
            self._call("PUT", repository, path, actions="pull,push", body=content, headers=headers)
        return digest

    # ── tags

    def tags(self, repository: Repository) -> list[str]:
        """Return a repository's tags, sorted; none if there is no such repository."""
        found: list[str] = []
        path: str | None = f"tags/list?n={_PAGE}"
        for _ in range(_PAGES):
            if path is None:
                break
            try:
                response = self._call("GET", repository, path)
            except NotFoundError:
                break
            found += json_of(_Tags, response.data, f"{repository}: the list of tags").get("tags") or ()
            path = _next_page(response, str(repository))
        else:
            raise RegistryError(f"{repository}: the list of tags has no end")
        return sorted(set(found))

    # ── many at once

    def each(self, ask: Callable[[T], R], questions: Iterable[T], *, at_once: int = CONCURRENCY) -> list[R]:
        """Return the results of many requests, in their order; a few are sent at once."""
        from concurrent.futures import ThreadPoolExecutor

        questions = list(questions)
        if len(questions) < 2:
            return [ask(question) for question in questions]
        with ThreadPoolExecutor(min(at_once, len(questions))) as pool:
            return list(pool.map(ask, questions))


class _Descriptor(Model):
    """What is read of a descriptor; the rest is kept as it is."""

    model_config = ConfigDict(extra="ignore")
    digest: Annotated[str, Field(pattern=_DIGEST.pattern)]
    platform: dict[str, JsonValue] | None = None
    annotations: dict[str, str] | None = None


class _Manifest(Model):
    model_config = ConfigDict(extra="ignore")
    config: _Descriptor | None = None
    layers: list[_Descriptor] = []
    manifests: list[_Descriptor] | None = None
    annotations: dict[str, str] | None = None


class _Tags(Model):
    model_config = ConfigDict(extra="ignore")
    tags: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")]] | None = None


def json_of(kind: type[Model], content: bytes, what: str) -> dict[str, Any]:
    """Return a registry's JSON as it is, if it is of a kind.

    Raises:
        NotAnImageError: it is not. `what` says what it should be.
    """
    try:
        decode(kind, content)
    except ValueError as error:
        raise NotAnImageError(f"{what} is not what a registry sends", reason=str(error)) from None
    data: dict[str, Any] = json.loads(content)
    return data


def _next_page(response: BaseHTTPResponse, repository: str) -> str | None:
    """Return where the next page is, from a Link header (RFC 8288); it is at the same registry.

    Raises:
        RegistryError: it is elsewhere.
    """
    for link in response.headers.get("Link", "").split(","):
        target, _, parameters = link.strip().partition(";")
        if 'rel="next"' in parameters.replace("rel=next", 'rel="next"'):
            following = urljoin(response.url or "", target.strip("<> "))
            if urlsplit(following)[:2] != urlsplit(response.url or "")[:2]:
                raise RegistryError(f"{repository}: the registry names another one for more tags", reason=following)
            return following
    return None


def _sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _checked(content: bytes, digest: str, what: str) -> str:
    """Return the content's digest.

    Raises:
        RegistryError: it is not the digest that was asked for, or of an algorithm that is not known.
    """
    if not digest:
        return _sha256(content)
    if not _DIGEST.fullmatch(digest):
        raise RegistryError(f"{what}: {digest!r} is not a digest that can be checked")
    algorithm = digest.partition(":")[0]
    found = f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"
    if found != digest:
        raise _other_content(what, found)
    return digest


def _other_content(what: str, found: str) -> RegistryError:
    return RegistryError(f"{what}: the registry sent other content", reason=f"its digest is {found}")
