"""References, logins and challenges; a registry's pages of tags."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from edgebake.errors import EdgebakeError
from edgebake.registry.client import RegistryClient
from edgebake.registry.credentials import Credentials, Login
from edgebake.registry.errors import UnreachableError
from edgebake.registry.images import platform_name
from edgebake.registry.reference import parse_reference, parse_repository
from edgebake.registry.transport import parse_challenge


@pytest.mark.parametrize(
    ("text", "host", "path", "name"),
    [
        ("debian", "docker.io", "library/debian", "latest"),
        ("acme/app:1", "docker.io", "acme/app", "1"),
        ("ghcr.io/acme/app:1", "ghcr.io", "acme/app", "1"),
        ("localhost:5000/app", "localhost:5000", "app", "latest"),
        ("localhost/app:1", "localhost", "app", "1"),
        ("index.docker.io/acme/app", "docker.io", "acme/app", "latest"),
        ("r.example:443/a/b:1@sha256:00", "r.example:443", "a/b", "sha256:00"),
    ],
)
def test_references_are_read_as_docker_reads_them(text: str, host: str, path: str, name: str) -> None:
    reference = parse_reference(text)
    assert (reference.repository.host, reference.repository.path, reference.name) == (host, path, name)


def test_docker_hub_has_its_api_elsewhere() -> None:
    assert parse_repository("debian").api_host == "registry-1.docker.io"
    assert parse_repository("ghcr.io/a").api_host == "ghcr.io"


@pytest.mark.parametrize(
    ("header", "kind", "realm", "scope"),
    [
        (
            'Bearer realm="https://a/t",service="s",scope="repository:a:pull,push"',
            "bearer",
            "https://a/t",
            "repository:a:pull,push",
        ),
        ('Basic realm="r"', "basic", "r", ""),
        ("bearer realm=https://a/t, service=s", "bearer", "https://a/t", ""),
        (None, "", "", ""),
    ],
)
def test_challenges(header: str | None, kind: str, realm: str, scope: str) -> None:
    found = parse_challenge(header)
    assert (found.kind, found.realm, found.scope) == (kind, realm, scope)


def test_platforms_are_called_as_in_targets() -> None:
    assert platform_name({"os": "linux", "architecture": "arm64", "variant": "v8"}) == "linux/arm64"
    assert platform_name({"os": "linux", "architecture": "arm", "variant": "v7"}) == "linux/arm/v7"


def credentials(folder: Path, config: object) -> Credentials:
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    return Credentials({"DOCKER_CONFIG": str(folder), "PATH": f"{folder}:{os.environ['PATH']}"})


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("key", ["ghcr.io", "https://ghcr.io", "https://ghcr.io/v1/"])
def test_a_stored_login(tmp_path: Path, key: str) -> None:
    found = credentials(tmp_path, {"auths": {key: {"auth": encoded("me:pass:word")}}})
    assert found.of("ghcr.io") == Login("me", "pass:word")
    assert found.of("quay.io") is None


def test_docker_hubs_login_and_an_identity_token(tmp_path: Path) -> None:
    auths = {"https://index.docker.io/v1/": {"auth": encoded("me:p")}, "a.io": {"identitytoken": "secret"}}
    found = credentials(tmp_path, {"auths": auths})
    assert found.of("docker.io") == Login("me", "p")
    assert found.of("a.io") == Login(identity_token="secret")
    assert "secret" not in repr(found.of("a.io"))


def test_a_helper_that_has_nothing_leaves_it_to_the_file(tmp_path: Path) -> None:
    helper = tmp_path / "docker-credential-test"
    helper.write_text("#!/bin/sh\necho credentials not found in native keychain\nexit 1\n")
    helper.chmod(0o755)
    config = {"credsStore": "test", "auths": {"a.io": {"auth": encoded("me:p")}}}
    assert credentials(tmp_path, config).of("a.io") == Login("me", "p")
    helper.write_text("#!/bin/sh\necho the keychain is locked\nexit 1\n")
    with pytest.raises(EdgebakeError, match="docker-credential-test failed") as told:
        credentials(tmp_path, config).of("a.io")
    assert told.value.reason == "the keychain is locked"


def test_no_configuration_is_no_login_and_a_broken_one_is_an_error(tmp_path: Path) -> None:
    assert Credentials({"DOCKER_CONFIG": str(tmp_path)}).of("a.io") is None
    with pytest.raises(EdgebakeError, match="cannot be understood"):
        credentials(tmp_path, "{")


class Pages(BaseHTTPRequestHandler):
    """Tags in pages with Link headers, as the distribution specification has them; and one bad answer first."""

    failures = 1

    def do_GET(self) -> None:
        pages = {"/v2/a/tags/list?n=1000": (["c", "a"], "next"), "/v2/a/next": (["b"], "")}
        tags, following = pages.get(self.path, ([], ""))
        if "tags" in self.path and Pages.failures:
            Pages.failures -= 1
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = json.dumps({"name": "a", "tags": tags}).encode()
        self.send_response(200)
        if following:
            self.send_header("Link", '</v2/a/next>; rel="next"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def paged() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_all_pages_of_tags_are_read_and_a_fault_that_passes_is_none(paged: str, tmp_path: Path) -> None:
    client = RegistryClient({"DOCKER_CONFIG": str(tmp_path)})
    assert client.tags(parse_repository(f"{paged}/a")) == ["a", "b", "c"]


def test_a_registry_that_is_not_there_is_told_soon(tmp_path: Path) -> None:
    client = RegistryClient({"DOCKER_CONFIG": str(tmp_path)})
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="the registry localhost:1 cannot be reached"):
        client.manifest(parse_reference("localhost:1/a"))
    assert time.monotonic() - started < 5


class Proxy(BaseHTTPRequestHandler):
    """A proxy for plain HTTP with a login; it answers for every host itself, in place of asking it."""

    login = "Basic " + base64.b64encode(b"me:p@ss w\xc3\xb6rd").decode()

    def do_GET(self) -> None:
        allowed = self.headers["Proxy-Authorization"] == self.login
        known = self.path.startswith("http://registry.lan:5000/v2/")
        body = json.dumps({"name": "a", "tags": ["1"]}).encode()
        self.send_response(407 if not allowed else 200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def proxy() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_a_proxy_gets_the_user_and_password_of_its_address(proxy: str, scheme: str, tmp_path: Path) -> None:
    """And a registry without TLS, which the project names, is asked without it."""
    environment = {"DOCKER_CONFIG": str(tmp_path), "http_proxy": f"{scheme}me:p%40ss%20w%C3%B6rd@{proxy}"}
    client = RegistryClient(environment, insecure=["registry.lan:5000"], patient=False)
    assert client.tags(parse_repository("registry.lan:5000/a")) == ["1"]


def test_a_proxy_s_password_is_not_shown(proxy: str, tmp_path: Path) -> None:
    environment = {"DOCKER_CONFIG": str(tmp_path), "http_proxy": f"http://me:hunter2@{proxy}"}
    client = RegistryClient(environment, insecure=["registry.lan:5000"], patient=False)
    with pytest.raises(EdgebakeError) as raised:
        client.tags(parse_repository("registry.lan:5000/a"))
    assert "407" in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_a_registry_that_is_not_named_is_never_asked_without_tls(proxy: str, tmp_path: Path) -> None:
    client = RegistryClient({"DOCKER_CONFIG": str(tmp_path), "http_proxy": proxy}, patient=False)
    with pytest.raises(UnreachableError):
        client.tags(parse_repository("registry.invalid:5000/a"))
