"""Image references, as Docker reads them (github.com/distribution/reference, `normalize.go`)."""

from __future__ import annotations

from dataclasses import replace

from edgebake.dataclasses import dataclass

HUB = "docker.io"
_HUB_HOST = "registry-1.docker.io"


@dataclass(frozen=True)
class Repository:
    """A repository of a registry. `host` has the port, if there is one; `docker.io` is Docker Hub."""

    host: str
    path: str

    def __str__(self) -> str:
        return f"{self.host}/{self.path}"

    @property
    def api_host(self) -> str:
        """Where the registry's API is."""
        return _HUB_HOST if self.host == HUB else self.host

    def tagged(self, tag: str) -> Reference:
        """Return the reference of a tag."""
        return Reference(self, tag=tag)

    def by_digest(self, digest: str) -> Reference:
        """Return the reference of a digest (`sha256:…`)."""
        return Reference(self, digest=digest)


@dataclass(frozen=True)
class Reference:
    """A manifest in a repository: by tag, by digest, or both (then the digest is what counts)."""

    repository: Repository
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag, digest = f":{self.tag}" if self.tag else "", f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"

    @property
    def name(self) -> str:
        """The manifest's name in the registry's API: the digest, else the tag."""
        return self.digest or self.tag

    def at(self, digest: str) -> Reference:
        """Return the reference with this digest."""
        return replace(self, digest=digest)


def parse_repository(text: str) -> Repository:
    """Return a repository, with the parts that Docker adds.

    >>> str(parse_repository("debian"))
    'docker.io/library/debian'
    >>> str(parse_repository("localhost:5000/debian"))
    'localhost:5000/debian'
    """
    host, slash, path = text.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        host, path = HUB, text
    if host in ("index.docker.io", _HUB_HOST):
        host = HUB
    if host == HUB and "/" not in path:
        path = f"library/{path}"
    return Repository(host, path)


def parse_reference(text: str) -> Reference:
    """Return a reference; without a tag and a digest it means the tag `latest`.

    >>> parse_reference("debian").name
    'latest'
    >>> parse_reference("localhost:5000/a/b:1@sha256:00").tag
    '1'
    """
    text, _, digest = text.partition("@")
    name, colon, tag = text.rpartition(":")
    if not colon or "/" in tag:
        name, tag = text, "" if digest else "latest"
    return Reference(parse_repository(name), tag, digest)
