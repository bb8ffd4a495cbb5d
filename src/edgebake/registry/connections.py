"""Connections to other machines: proxies and certificates, as the environment, Docker and the user name them."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from dataclasses import field
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

import urllib3
from urllib3.util import Timeout

from edgebake.dataclasses import dataclass
from edgebake.registry import errors
from edgebake.registry.credentials import Login

_TIMEOUT = Timeout(connect=5, read=15)  # seconds
_CERTIFICATES = Path("/etc/docker/certs.d")  # https://docs.docker.com/engine/security/certificates/


@dataclass
class Connections:
    """Connections, kept for further requests. Several threads can use them."""

    environment: Mapping[str, str]  # has the proxies, and the certificates to trust
    ca_bundle: Path | None  # further certificates to trust
    each: int  # how many to one host are kept
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pools: dict[tuple[str, str], urllib3.PoolManager] = field(default_factory=dict)

    def pool(self, url: str) -> urllib3.PoolManager:
        """Return the connections to the host of a URL.

        Raises:
            RegistryError: certificates cannot be used.
        """
        parts = urlsplit(url)
        proxy = self._proxy(parts.scheme, parts.netloc)
        key = (f"{parts.scheme}://{parts.netloc}", proxy)
        with self._lock:
            if key not in self._pools:
                trust = self._trust(parts.netloc) if parts.scheme == "https" else None
                options: dict[str, Any] = {"maxsize": self.each, "timeout": _TIMEOUT, "ssl_context": trust}
                manager = partial(_through, proxy) if proxy else urllib3.PoolManager
                self._pools[key] = manager(**options)
            return self._pools[key]

    def _proxy(self, scheme: str, host: str) -> str:
        """Return the proxy for a host: HTTP_PROXY, HTTPS_PROXY and NO_PROXY, as other programs read them."""
        proxies = _proxies(self.environment)
        if is_local(host) or proxy_bypass_environment(host, proxies):
            return ""
        return proxies.get(scheme) or proxies.get("all", "")

    def _trust(self, host: str) -> ssl.SSLContext:
        """Return the certificates to trust: the system's or SSL_CERT_FILE, Docker's for the host, `ca_bundle`."""
        file, folder = self.environment.get("SSL_CERT_FILE"), self.environment.get("SSL_CERT_DIR")
        try:
            context = ssl.create_default_context(cafile=file or None, capath=folder or None)
        except (OSError, ssl.SSLError) as error:
            raise errors.RegistryError(
                f"the certificates {file!r} cannot be used",
                reason=str(error),
                hints=("check SSL_CERT_FILE and SSL_CERT_DIR",),
            ) from None
        extra = [*sorted((_CERTIFICATES / host).glob("*.crt")), *([self.ca_bundle] if self.ca_bundle else [])]
        for path in extra:
            try:
                context.load_verify_locations(path)
            except (OSError, ssl.SSLError) as error:
                message = f"the certificates {str(path)!r} cannot be used"
                raise errors.RegistryError(message, reason=str(error)) from None
        return context


def _through(proxy: str, **options: Any) -> urllib3.ProxyManager:
    """Return the connections through a proxy, with the user and password in its address, if there are any."""
    address = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    headers = {}
    if address.username is not None:
        login = Login(unquote(address.username), unquote(address.password or ""))
        headers = {"proxy-authorization": login.basic}
    server = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()
    return urllib3.ProxyManager(server, proxy_headers=headers, **options)


def _proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Return proxies by scheme, `no` among them; lower case wins (urllib.request.getproxies_environment)."""
    names = {kind: f"{kind}_proxy" for kind in ("http", "https", "all", "no")}
    values = {kind: environment.get(name, environment.get(name.upper())) for kind, name in names.items()}
    return {kind: value for kind, value in values.items() if value}


def is_local(host: str) -> bool:
    """Tell whether a host, with or without a port, is this machine."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
