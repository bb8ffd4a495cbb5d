"""The user's logins, where Docker keeps them: `config.json` and the credential helpers that it names.

Sources: https://docs.docker.com/reference/cli/docker/login/ (credential store, `credsStore`, `credHelpers`), and
docker/cli `cli/config`.
"""

from __future__ import annotations

import base64
import binascii
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from edgebake.dataclasses import dataclass
from edgebake.errors import Position
from edgebake.model.base import Model
from edgebake.model.decoding import decode
from edgebake.registry.errors import RefusedError
from edgebake.registry.reference import HUB
from edgebake.system.own_files import read_regular

_HUB_KEY = "https://index.docker.io/v1/"
_TOKEN_USER = "<token>"  # a helper's sign that the secret is an identity token
TIMEOUT = 30  # seconds for a helper


@dataclass(frozen=True)
class Login:
    """A user's login. With `identity_token` (an OAuth2 refresh token) there is no password."""

    username: str = ""
    password: str = ""
    identity_token: str = ""

    def __repr__(self) -> str:  # never in a log or a traceback
        return f"Login({self.username!r}, …)"

    @property
    def basic(self) -> str:
        """The value of an Authorization header."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


class _Auth(Model):
    """An entry of `auths`."""

    model_config = ConfigDict(extra="ignore")
    auth: str = ""
    username: str = ""
    password: str = ""
    identitytoken: str = ""


_Helper = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]*$")]


class _Config(Model):
    """What is read of Docker's configuration."""

    model_config = ConfigDict(extra="ignore")
    auths: dict[str, _Auth] = {}
    helpers: Annotated[dict[str, _Helper], Field(alias="credHelpers")] = {}
    store: Annotated[_Helper, Field(alias="credsStore")] = ""


class Credentials:
    """A user's logins.

    Args:
        environment: `DOCKER_CONFIG` (a folder) and `HOME` say where Docker's configuration is; helpers get all.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        folder = environment.get("DOCKER_CONFIG") or Path(environment.get("HOME") or "/root") / ".docker"
        self._file = Path(folder) / "config.json"
        self._config = _read(self._file)

    def of(self, host: str) -> Login | None:
        """Return the login for a registry, None if there is none.

        Raises:
            RefusedError: a credential helper that Docker's configuration names fails.
        """
        key = _HUB_KEY if host == HUB else host
        helper = self._config.helpers.get(host) or self._config.store
        if helper:
            found = self._ask(helper, key)
            if found is not None:
                return found
        return self._stored(host)

    def _stored(self, host: str) -> Login | None:
        auths = self._config.auths
        names = {_host_of(name): name for name in auths}
        entry = auths.get(_HUB_KEY if host == HUB else host) or auths.get(names.get(host, ""))
        if entry is None:
            return None
        if entry.identitytoken:
            return Login(identity_token=entry.identitytoken)
        try:
            user, _, password = base64.b64decode(entry.auth).decode().rstrip("\0").partition(":")
        except (binascii.Error, ValueError):
            user = password = ""
        user, password = user or entry.username, password or entry.password
        return Login(user, password) if user else None

    def _ask(self, helper: str, key: str) -> Login | None:
        """Ask a helper: the protocol of docker/docker-credential-helpers."""
        program, at = f"docker-credential-{helper}", Position(str(self._file))
        options: dict[str, Any] = {"env": dict(self._environment), "timeout": TIMEOUT, "capture_output": True}
        try:
            done = subprocess.run([program, "get"], input=key, text=True, check=False, **options)
        except FileNotFoundError:
            reason = "Docker's configuration names it"
            raise RefusedError(f"{program} not found", at=at, reason=reason) from None
        except subprocess.TimeoutExpired:
            raise RefusedError(f"{program} did not answer within {TIMEOUT} s") from None
        said = (done.stdout + done.stderr).strip()
        if done.returncode != 0:
            if "credentials not found" in said:
                return None
            raise RefusedError(f"{program} failed", at=at, reason=said[-500:] or None)
        return _login(program, done.stdout)


def _login(program: str, text: str) -> Login | None:
    try:
        data = json.loads(text)
        user, secret = str(data["Username"]), str(data["Secret"])
    except (ValueError, KeyError, TypeError):
        raise RefusedError(f"{program} returned no login") from None
    if user == _TOKEN_USER:
        return Login(identity_token=secret)
    return Login(user, secret) if user else None


def _host_of(name: str) -> str:
    """Return the host of a key of `auths`, which may be written as a URL."""
    host = name.split("://", 1)[-1].split("/", 1)[0]
    return HUB if host == "index.docker.io" else host


def _read(file: Path) -> _Config:
    """Return Docker's configuration; an empty one where there is none. One that is broken is an error."""
    at = Position(str(file))
    try:
        content = read_regular(file)
    except FileNotFoundError:
        return _Config()
    except OSError as error:
        raise RefusedError("Docker's configuration cannot be read", at=at, reason=str(error)) from None
    try:
        return decode(_Config, content or b"{}")
    except ValueError as error:
        raise RefusedError("Docker's configuration cannot be understood", at=at, reason=str(error)) from None
