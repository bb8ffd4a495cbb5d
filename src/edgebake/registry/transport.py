"""One HTTP request to a registry: address, login, retries, and the error that a refusal means. On urllib3."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Collection, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError
from urllib3.util import Retry

from edgebake.dataclasses import dataclass
from edgebake.registry import errors
from edgebake.registry.connections import Connections, is_local
from edgebake.registry.credentials import Credentials, Login
from edgebake.registry.reference import Repository

_AGAIN = Retry(
    total=4,
    connect=2,
    backoff_factor=0.2,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=None,  # every request here may be repeated: contents are addressed by digest
    raise_on_status=False,
    redirect=5,
    backoff_max=5,
    retry_after_max=20,
)
_CLIENT_ID = "edgebake"
_PARAMETER = re.compile(r'([a-zA-Z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


@dataclass(frozen=True)
class Challenge:
    """A WWW-Authenticate header: `kind` is `bearer`, `basic`, or empty where nothing is asked for.

    Source: https://distribution.github.io/distribution/spec/auth/token/ and …/oauth/.
    """

    kind: str = ""
    realm: str = ""
    service: str = ""
    scope: str = ""


def parse_challenge(header: str | None) -> Challenge:
    """Return what a WWW-Authenticate header asks for.

    >>> parse_challenge('Bearer realm="https://a/t",service="r"').service
    'r'
    """
    kind, _, rest = (header or "").strip().partition(" ")
    found = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(rest)}
    return Challenge(kind.lower(), found.get("realm", ""), found.get("service", ""), found.get("scope", ""))


@dataclass
class _Host:
    """A registry's API: where it is, and the login that it asks for."""

    url: str = ""
    challenge: Challenge = field(default_factory=Challenge)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Transport:
    """Sends requests."""

    environment: Mapping[str, str]  # as for the client
    ca_bundle: Path | None  # further certificates to trust
    connections: int  # how many to one host are kept
    patient: bool  # whether requests that a host does not answer are retried
    insecure: Collection[str] = ()  # hosts that are spoken to without TLS
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _hosts: dict[str, _Host] = field(default_factory=dict)
    _tokens: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._again = _AGAIN if self.patient else _AGAIN.new(total=2, connect=0, read=0, status=0, other=0)
        self._connections = Connections(self.environment, self.ca_bundle, self.connections)
        self._credentials = Credentials(self.environment)

    def call(
        self,
        method: str,
        repository: Repository,
        path: str,
        *,
        actions: str = "pull",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """Send a request about a repository; `path` is relative to it, or a URL that the registry gave.

        Raises:
            RegistryError: the registry cannot be reached, or refuses.
        """
        host = self._host(repository)
        base = f"{host.url}/v2/{quote(repository.path)}/"
        url = urljoin(base, path) if "://" in path or path.startswith("/") else base + path
        scope = f"repository:{repository.path}:{actions}"
        headers = headers or {}
        sent = {**headers, **self._authorization(repository, host.challenge, scope)}
        response = self._send(method, url, body, sent)
        if response.status == 401:  # the token has expired, or this request needs another one
            challenge = parse_challenge(response.headers.get("WWW-Authenticate"))
            self._tokens.pop((repository.host, scope), None)
            sent = {**headers, **self._authorization(repository, challenge, scope)}
            response = self._send(method, url, body, sent)
        _refuse(response, method, str(repository), path)
        return response

    # ── where a registry is

    def _host(self, repository: Repository) -> _Host:
        with self._lock:
            host = self._hosts.setdefault(repository.api_host, _Host())
        with host.lock:
            if not host.url:
                host.url, host.challenge = self._greet(repository.api_host)
        return host

    def _greet(self, host: str) -> tuple[str, Challenge]:
        """Find a registry's API. Plain HTTP is for this machine, as with Docker, and for those that are named."""
        schemes = ("http", "https") if is_local(host) or host in self.insecure else ("https",)
        response = None
        for scheme in schemes:
            response = self._send("GET", f"{scheme}://{host}/v2/", None, {})
            if scheme != "http" or response.status != 400:  # "client sent an HTTP request to an HTTPS server"
                break
        if response is None or response.status >= 500:
            raise errors.UnreachableError(f"the registry {host} failed", reason=_message(response))
        return f"{scheme}://{host}", parse_challenge(response.headers.get("WWW-Authenticate"))

    # ── logins

    def _authorization(self, repository: Repository, challenge: Challenge, scope: str) -> dict[str, str]:
        if challenge.kind == "basic":
            return _basic(self._credentials.of(repository.host))
        if challenge.kind != "bearer":
            return {}
        key = (repository.host, scope)
        with self._host(repository).lock:  # one token for all that ask at once
            if key not in self._tokens:
                self._tokens[key] = self._token(repository, challenge, scope)
        return {"Authorization": f"Bearer {self._tokens[key]}"}

    def _token(self, repository: Repository, challenge: Challenge, scope: str) -> str:
        login = self._credentials.of(repository.host)
        scopes = dict.fromkeys([scope, *challenge.scope.split()])
        asked = {"service": challenge.service, "scope": " ".join(scopes)}
        if login is not None and login.identity_token:
            form = {**asked, "grant_type": "refresh_token", "refresh_token": login.identity_token}
            body = urlencode({**form, "client_id": _CLIENT_ID}).encode()
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            response = self._send("POST", challenge.realm, body, kind)
        else:
            response = self._send("GET", f"{challenge.realm}?{urlencode(asked)}", None, _basic(login))
        _refuse(response, "GET", str(repository), "")
        data = _json(response)
        token = data.get("token") or data.get("access_token")
        if not token:
            raise errors.RefusedError(f"{challenge.realm} returned no token for {repository}")
        return str(token)

    # ── sending

    def _send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> urllib3.BaseHTTPResponse:
        try:
            sent = {"User-Agent": _CLIENT_ID, **headers}
            return self._connections.pool(url).request(method, url, body=body, headers=sent, retries=self._again)
        except HTTPError as error:
            cause = error.reason if isinstance(error, MaxRetryError) and error.reason else error
            hint = "check that the registry is up, and that its name is right"
            if isinstance(cause, SSLError):
                hint = "name the certificates to trust: --ca-bundle, or SSL_CERT_FILE"
            reason = str(cause).rpartition(": ")[2] if ">: " in str(cause) else str(cause)
            message = f"the registry {urlsplit(url).netloc} cannot be reached"
            raise errors.UnreachableError(message, reason=reason, hints=(hint,)) from None


def _basic(login: Login | None) -> dict[str, str]:
    return {"Authorization": login.basic} if login else {}


# ── answers


def _refuse(response: urllib3.BaseHTTPResponse, method: str, repository: str, path: str) -> None:
    """Raise the error that a response means, if it is one."""
    status = response.status
    if status < 400:
        return
    what = path.rpartition("/")[2].partition("?")[0]
    separator = "@" if ":" in what else ":"
    subject = f"{repository}{separator}{what}" if ":" in what or "manifests" in path else repository
    message = _message(response)
    if "UNSUPPORTED" in message or status == 405:
        raise errors.UnsupportedError(f"{subject}: the registry cannot do this ({method})", reason=message)
    if status == 404:
        raise errors.NotFoundError(f"{subject} is not in the registry", reason=message)
    if status in (401, 403):
        hints = (f"log in to the registry: docker login {repository.partition('/')[0]}",)
        raise errors.RefusedError(f"{subject}: the registry refuses access", reason=message, hints=hints)
    if status == 429:
        raise errors.RateLimitedError(f"{subject}: the registry allows no more requests for now", reason=message)
    if status >= 500:
        raise errors.UnreachableError(f"{subject}: the registry cannot answer now", reason=message)
    raise errors.RegistryError(f"{subject}: the registry refuses the request", reason=message)


def _message(response: urllib3.BaseHTTPResponse | None) -> str:
    """Return the registry's own message, on one line."""
    if response is None:
        return "no answer"
    listed = _json(response).get("errors")
    if isinstance(listed, list) and listed:
        known = (error for error in listed if isinstance(error, dict))
        texts = (f"{error.get('code', '')}: {error.get('message', '')}" for error in known)
        return f"{response.status} {'; '.join(texts)}"
    return f"{response.status} {response.reason or ''}".strip()


def _json(response: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    try:
        data = json.loads(response.data or b"{}")
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
