"""The registry, proxies and certificates."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from edgebake.host.checks import Finding, Surroundings
from edgebake.registry.errors import RefusedError, RegistryError
from edgebake.registry.reference import parse_repository
from edgebake.text.words import counted

_BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXIES = ("https_proxy", "http_proxy")


def registry(this: Surroundings) -> list[Finding]:
    """Look whether the project's registry answers, and lets the user in."""
    place = parse_repository(f"{this.registry}/edgebake-doctor")
    try:
        this.client.tags(place)  # there need be no such repository
    except RefusedError as error:
        text = f"{place.host} refuses access: {error.message}"
        return [Finding("Registry", "problem", text, (f"docker login {place.host}",))]
    except RegistryError as error:
        reason = f": {error.reason}" if error.reason else ""
        return [Finding("Registry", "warning", f"{error.message}{reason}", tuple(error.hints))]
    else:
        return [Finding("Registry", "ok", f"{place.host} answers")]


def proxy(this: Surroundings) -> list[Finding]:
    """Look whether the engine knows the user's proxy: https://docs.docker.com/engine/daemon/proxy/"""
    variables = (this.environment.get(name) or this.environment.get(name.upper()) for name in _PROXIES)
    own = {_without_password(value) for value in variables if value}
    if not own:
        return [Finding("Proxy", "ok", "not set")]
    shown = ", ".join(sorted(own))
    if this.info and not (this.info.get("HTTPProxy") or this.info.get("HTTPSProxy")):
        remedies = (
            'put {"proxies": {"http-proxy": "…", "https-proxy": "…"}} into /etc/docker/daemon.json',
            "sudo systemctl restart docker",
        )
        return [Finding("Proxy", "warning", f"{shown}; the engine does not know it and pulls without it", remedies)]
    return [Finding("Proxy", "ok", shown)]


def _without_password(url: str) -> str:
    parts = urlsplit(url if "//" in url else f"//{url}")
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.hostname or 'a proxy'}{port}"


def certificates(this: Surroundings) -> list[Finding]:
    """Look whether builds trust what the user's other programs trust."""
    if this.ca_bundle is not None:
        return [_bundle(this.ca_bundle)]
    named = next((name for name in _BUNDLES if this.environment.get(name)), None)
    if named is None:
        return [Finding("Certificates", "ok", "each image's own")]
    path = this.environment[named]
    remedies = (f"export EDGEBAKE_CA_BUNDLE={path}", f"or in edgebake.yaml: ca_bundle: {path}")
    return [Finding("Certificates", "warning", f"{named} is set, but builds do not use it", remedies)]


def _bundle(path: Path) -> Finding:
    try:
        count = path.read_bytes().count(b"-----BEGIN CERTIFICATE-----")
    except OSError as error:
        return Finding("Certificates", "problem", f"{path}: {error.strerror}", ("see --ca-bundle and ca_bundle",))
    if not count:
        return Finding("Certificates", "problem", f"{path} has no certificate", ("use a file in PEM format",))
    return Finding("Certificates", "ok", f"{counted(count, 'certificate')} in {path}")
