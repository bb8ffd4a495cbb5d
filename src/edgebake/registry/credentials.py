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
from typing import Any

from edgebake.dataclasses import dataclass
from edgebake.errors import Position
from edgebake.registry.errors import RefusedError
from edgebake.registry.reference import HUB

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
        helper = self._config.get("credHelpers", {}).get(host) or self._config.get("credsStore")
        return (self._ask(helper, key) if helper else None) or self._stored(host)

    def _stored(self, host: str) -> Login | None:
        auths = self._config.get("auths", {})
        names = {_host_of(name): name for name in auths}
        entry = auths.get(_HUB_KEY if host == HUB else host) or auths.get(names.get(host, ""))
        if not isinstance(entry, dict):
            return None
        if entry.get("identitytoken"):
            return Login(identity_token=entry["identitytoken"])
        try:
            user, _, password = base64.b64decode(entry.get("auth", "")).decode().rstrip("\0").partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user = password = ""
        user, password = user or entry.get("username", ""), password or entry.get("password", "")
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


def _read(file: Path) -> dict[str, Any]:
    """Return Docker's configuration; an empty one where there is none. One that is broken is an error."""
    at = Position(str(file))
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError("Docker's configuration cannot be read", at=at, reason=str(error)) from None
    try:
        data = json.loads(text or "{}")
    except ValueError as error:
        raise RefusedError("Docker's configuration is not JSON", at=at, reason=str(error)) from None
    return data if isinstance(data, dict) else {}
