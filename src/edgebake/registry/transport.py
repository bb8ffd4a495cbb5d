"""One HTTP request to a registry: address, login, retries, and the error that a refusal means. On urllib3."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError, MaxRetryError, SSLError
from urllib3.util import Retry

from edgebake.dataclasses import dataclass
from edgebake.registry import errors
from edgebake.registry.connections import Connections, is_local
from edgebake.registry.credentials import Credentials, Login
from edgebake.registry.reference import Repository

_DEADLINE = 60  # seconds for one response
_REDIRECTS = 5
LARGEST = 16 << 20
"""Bytes of the largest response: manifests have at most 4 MB, and image configurations less."""
_AGAIN = Retry(
    total=4,
    connect=2,
    read=1,
    backoff_factor=0.2,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=None,  # every request here may be repeated: contents are addressed by digest
    raise_on_status=False,
    redirect=0,
    backoff_max=5,
    retry_after_max=20,
)
_ADDRESS = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
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
        # A host that the registry names (for an upload) gets no login, and cannot ask for one: as in containerd.
        own = _origin(url) == _origin(host.url)
        sent = {**headers, **(self._authorization(repository, host.challenge, scope) if own else {})}
        response = self._send(method, url, body, sent)
        if response.status == 401 and own and _origin(response.url or url) == _origin(host.url):
            # The token has expired, or this request needs another one.
            challenge = parse_challenge(response.headers.get("WWW-Authenticate"))
            self._tokens.pop((repository.host, scope), None)
            sent = {**headers, **self._authorization(repository, challenge, scope)}
            response = self._send(method, url, body, sent)
        _refuse(response, method, str(repository), path)
        return response

    # ── where a registry is

    def _host(self, repository: Repository) -> _Host:
        if not _ADDRESS.fullmatch(repository.api_host):
            raise errors.RegistryError(f"{repository.host!r} is not the address of a registry")
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
        host = self._hosts[repository.api_host].url
        _check_realm(challenge.realm, host, repository)
        login = self._credentials.of(repository.host) if _may_see_login(challenge.realm, host) else None
        scopes = dict.fromkeys([scope, *challenge.scope.split()])
        asked = {"service": challenge.service, "scope": " ".join(scopes)}
        if login is not None and login.identity_token:
            form = {**asked, "grant_type": "refresh_token", "refresh_token": login.identity_token}
            body = urlencode({**form, "client_id": _CLIENT_ID}).encode()
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            response = self._send("POST", challenge.realm, body, kind)
        else:
            mark = "&" if "?" in challenge.realm else "?"
            response = self._send("GET", f"{challenge.realm}{mark}{urlencode(asked)}", None, _basic(login))
        _refuse(response, "GET", str(repository), "")
        data = _json(response)
        token = data.get("token") or data.get("access_token")
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise errors.RefusedError(f"{challenge.realm} returned no token for {repository}")
        return token

    # ── sending

    def _send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> urllib3.BaseHTTPResponse:
        """Send a request, and follow redirects. Only the first origin sees the login."""
        sent = {"User-Agent": _CLIENT_ID, "Accept-Encoding": "identity", **headers}
        for _ in range(_REDIRECTS + 1):
            response = self._send_once(method, url, body, sent)
            location = response.headers.get("Location")
            if response.status not in (301, 302, 303, 307, 308) or not location or method not in ("GET", "HEAD"):
                return response
            following = urljoin(url, location)
            if _origin(following) != _origin(url):
                sent.pop("Authorization", None)
            _check_redirect(url, following)
            url = following
        raise errors.UnreachableError(f"the registry {urlsplit(url).netloc} redirects without end")

    def _send_once(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> urllib3.BaseHTTPResponse:
        host = urlsplit(url).netloc
        try:
            response = self._connections.pool(url).request(
                method,
                url,
                body=body,
                headers=headers,
                retries=self._again,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            return _read(response, host)
        except LocationParseError as error:
            raise errors.RegistryError(f"the registry's address {host!r} is not valid", reason=str(error)) from None
        except HTTPError as error:
            cause = error.reason if isinstance(error, MaxRetryError) and error.reason else error
            hint = "check that the registry is up, and that its name is right"
            if isinstance(cause, SSLError):
                hint = "name the certificates to trust: --ca-bundle, or SSL_CERT_FILE"
            reason = str(cause).rpartition(": ")[2] if ">: " in str(cause) else str(cause)
            message = f"the registry {urlsplit(url).netloc} cannot be reached"
            raise errors.UnreachableError(message, reason=reason, hints=(hint,)) from None


def _read(response: urllib3.BaseHTTPResponse, host: str) -> urllib3.BaseHTTPResponse:
    """Return a response with its content read, if that is small and comes soon.

    Raises:
        RegistryError: it is compressed (which nobody asked for), or too large.
        UnreachableError: it takes too long.
    """
    try:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise errors.RegistryError(f"the registry {host} sends compressed content, which it was not asked for")
        content, end = bytearray(), time.monotonic() + _DEADLINE
        while data := response.read1(1 << 16):
            content += data
            if len(content) > LARGEST:
                raise errors.RegistryError(f"the registry {host} sends more than {LARGEST >> 20} MB")
            if time.monotonic() > end:
                raise errors.UnreachableError(f"the registry {host} did not send its response within {_DEADLINE} s")
    except BaseException:
        response.close()
        raise
    response.release_conn()
    return urllib3.HTTPResponse(
        bytes(content),
        response.headers,
        response.status,
        reason=response.reason,
        request_url=response.url,
    )


def _origin(url: str) -> tuple[str, str, int | None]:
    """Return what a login is for: scheme, host and port."""
    parts = urlsplit(url)
    try:
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        raise errors.RegistryError("the registry names an address that is not valid", reason=url) from None
    return parts.scheme, (parts.hostname or "").rstrip("."), port


def _check_redirect(url: str, following: str) -> None:
    """Refuse a redirect to another protocol, or from HTTPS to plain HTTP.

    Raises:
        RegistryError: it is one.
    """
    allowed = ("https",) if urlsplit(url).scheme == "https" else ("http", "https")
    if urlsplit(following).scheme not in allowed:
        raise errors.RegistryError(
            f"the registry {urlsplit(url).netloc} redirects to an address that is not safe", reason=following
        )


def _check_realm(realm: str, registry: str, repository: Repository) -> None:
    """Refuse a realm in plain text, unless it and the registry are on this machine.

    Raises:
        RefusedError: it is one, or no address.
    """
    local = is_local(urlsplit(realm).netloc) and is_local(urlsplit(registry).netloc)
    if urlsplit(realm).scheme != "https" and not (urlsplit(realm).scheme == "http" and local):
        raise errors.RefusedError(
            f"the registry of {repository} wants tokens from an address that is not safe", reason=realm or "none"
        )


def _may_see_login(realm: str, registry: str) -> bool:
    """Return whether a registry's login may go to where its tokens are from.

    That is the registry, another port or name of the same domain (registry.example.com, auth.example.com), or
    Docker Hub's. Any other realm gets no login: a registry that somebody has taken over could name it.
    """
    names = [urlsplit(url).hostname or "" for url in (realm, registry)]
    if names[0] == names[1]:
        return True
    domains = [name.split(".")[-2:] for name in names]
    return domains[0] == domains[1] and len(domains[0]) == 2 and not names[0].replace(".", "").isdigit()


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
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
