"""Secrets and SSH keys of builds: their names, where their values are, and the names that BuildKit looks up itself.

Sources: https://docs.docker.com/build/building/secrets/ (`GIT_AUTH_TOKEN`, `HTTP_AUTH_TOKEN_<host>`), and
`source/git` and `source/http` of github.com/moby/buildkit.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, model_validator

from edgebake.model.base import BadValue, EnvName, Model, matching, no_control, text_for

SecretId = Annotated[str, matching(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*", "is not the name of a secret", limit=200)]
SshId = Annotated[str, matching(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", "is not the name of an SSH key")]
AGENT = "agent"
"""In place of a key's file: the agent in SSH_AUTH_SOCK."""
DEFAULT_SSH = "default"
"""The key that BuildKit uses for git over SSH."""
HOME = "~/"


def _plain_file(text: str) -> str:
    """Return the path of a file in the project, or below the home folder (`~/`)."""
    if text.startswith(HOME):
        return HOME + _plain_file(text.removeprefix(HOME))
    no_control(text)
    if text.startswith(("/", "~")) or ".." in text.split("/") or not text or set(text) & set(",\"'${}%\\"):
        raise BadValue(
            f"{text!r} must be a relative path inside the project, or below ~/",
            hints=("for a file elsewhere on one machine: --secret id=NAME,src=FILE",),
        )
    return text.removeprefix("./")


FilePath = Annotated[str, AfterValidator(_plain_file)]


class Secret(Model):
    """A secret: where its value is when images are built or services start. Exactly one of env and file."""

    env: EnvName | None = None
    """Environment variable of the shell that builds, or starts the services."""
    file: FilePath | None = None
    """File in the project's folder, or below the home folder (`~/.netrc`). Do not commit it."""

    @model_validator(mode="after")
    def _one_origin(self) -> Secret:
        if (self.env is None) == (self.file is None):
            raise ValueError("a secret needs exactly one of env and file")
        return self


_MountPath = Annotated[
    str, matching(r"/[A-Za-z0-9._/@+-]+", "is not an absolute path of plain characters", limit=400)
]


class BuildSecret(Model):
    """A secret that a build script reads. The short form is its name."""

    id: SecretId
    """Name of the secret. The project's `secrets` say where its value is."""
    target: _MountPath | None = None
    """File that holds the value while the script runs; /run/secrets/NAME if not set."""

    @model_validator(mode="after")
    def _plain_name(self) -> BuildSecret:
        if self.target and ".." in self.target.split("/"):
            raise BadValue(f"{self.target!r} must be a path without '..'", path=("target",))
        return self


BuildSecretField = Annotated[BuildSecret, text_for("id")]

SshSource = Annotated[str, AfterValidator(lambda text: text if text == AGENT else _plain_file(text))]
"""`agent`, or the file of a private key."""

_GIT = ("GIT_AUTH_HEADER", "GIT_AUTH_TOKEN")
_HTTP = ("HTTP_AUTH_HEADER_", "HTTP_AUTH_TOKEN_")


def git_secret(url: str, declared: Collection[str]) -> str | None:
    """Return the secret that BuildKit logs in to a git server with, over HTTP; None if none is declared.

    >>> git_secret("https://git.example.com/a.git", ["GIT_AUTH_TOKEN", "GIT_AUTH_TOKEN.git.example.com"])
    'GIT_AUTH_TOKEN.git.example.com'
    """
    host = urlsplit(url).netloc.rpartition("@")[2]
    return next((name for name in (*(f"{kind}.{host}" for kind in _GIT), *_GIT) if name in declared), None)


def http_secret(url: str, declared: Collection[str]) -> str | None:
    """Return the secret that BuildKit fetches a file with; None if none is declared."""
    host = urlsplit(url).hostname or ""
    return next((name for name in (f"{kind}{host}" for kind in _HTTP) if name in declared), None)


def is_header(secret: str) -> bool:
    """Tell whether a secret is a whole Authorization header, not only a token."""
    return "_AUTH_HEADER" in secret


def is_for_every_server(secret: str) -> bool:
    """Tell whether BuildKit gives a secret to each git server that it fetches from."""
    return secret in _GIT
