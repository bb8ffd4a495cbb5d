"""Registries that lie: no login goes to another host, and nothing is taken without limits."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from urllib3.util import Timeout

from edgebake.errors import EdgebakeError
from edgebake.registry import connections, transport
from edgebake.registry.client import OCI_INDEX, OCI_MANIFEST, RegistryClient
from edgebake.registry.credentials import Credentials
from edgebake.registry.errors import RefusedError, RegistryError
from edgebake.registry.images import read_image
from edgebake.registry.reference import parse_reference, parse_repository
from edgebake.registry.transport import _check_realm, _may_see_login

SECRET = base64.b64encode(b"me:secret").decode()
DIGEST = "sha256:" + "1" * 64
Answer = tuple[int, dict[str, str], bytes]


class Server:
    """A registry that answers as it is told, and keeps what it was sent."""

    def __init__(self, answer: Callable[[str, str, dict[str, str]], Answer | None]) -> None:
        self.seen: list[tuple[str, str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.seen.append((self.command, self.path, self.headers.get("Authorization", "")))
                given = answer(self.command, self.path, dict(self.headers))
                if given is None:
                    time.sleep(5)
                    return
                status, headers, body = given
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator[Server]:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        yield self
        self._server.shutdown()
        self._server.server_close()

    @property
    def logins(self) -> set[str]:
        return {login for _, _, login in self.seen if login}


@contextmanager
def serving(answer: Callable[[str, str, dict[str, str]], Answer | None]) -> Iterator[Server]:
    with Server(answer).running() as server:
        yield server


def client_of(folder: Path, *servers: Server) -> RegistryClient:
    config = {"auths": {server.host: {"auth": SECRET} for server in servers}}
    (folder / "config.json").write_text(json.dumps(config))
    return RegistryClient({"DOCKER_CONFIG": str(folder)})


def challenged(then: Callable[[str, str], Answer | None]) -> Callable[[str, str, dict[str, str]], Answer | None]:
    """Return the answers of a registry that asks for a password."""

    def answer(method: str, path: str, headers: dict[str, str]) -> Answer | None:
        if path == "/v2/":
            return 401, {"WWW-Authenticate": 'Basic realm="r"'}, b""
        return then(method, path)

    return answer


def fixed(body: bytes, **headers: str) -> Callable[[str, str, dict[str, str]], Answer]:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda method, path, _: (200, {} if path == "/v2/" else given, b"{}" if path == "/v2/" else body)


# ── logins


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_another_host_gets_no_login(tmp_path: Path, status: int) -> None:
    content = b'{"schemaVersion": 2}'
    with (
        serving(lambda *_: (200, {}, content)) as other,
        serving(challenged(lambda *_: (status, {"Location": f"http://{other.host}/x"}, b""))) as registry,
    ):
        found = client_of(tmp_path, registry).manifest(parse_reference(f"{registry.host}/a:1"))
    assert found.content == content
    assert registry.logins == {f"Basic {SECRET}"}
    assert other.logins == set()
    assert len(other.seen) == 1


@pytest.mark.parametrize("kind", ["Basic realm=x", 'Bearer realm="http://{evil}/token",service="s"'])
def test_a_host_that_a_redirect_leads_to_cannot_ask_for_a_login(tmp_path: Path, kind: str) -> None:
    with (
        serving(lambda *_: (200, {}, b'{"token": "x"}')) as evil,
        serving(lambda *_: (401, {"WWW-Authenticate": kind.format(evil=evil.host)}, b"")) as other,
        serving(challenged(lambda *_: (307, {"Location": f"http://{other.host}/x"}, b""))) as registry,
        pytest.raises(RefusedError),
    ):
        client_of(tmp_path, registry).manifest(parse_reference(f"{registry.host}/a:1"))
    assert evil.seen == []
    assert other.logins == set()


def test_where_an_upload_goes_gets_no_login(tmp_path: Path) -> None:
    def uploads(method: str, path: str) -> Answer:
        if method == "HEAD":
            return 404, {}, b""
        return 202, {"Location": f"http://{other.host}/upload?a=b"}, b""

    with (
        serving(lambda *_: (401, {"WWW-Authenticate": "Basic realm=x"}, b"")) as other,
        serving(challenged(uploads)) as registry,
        pytest.raises(RegistryError),
    ):
        client_of(tmp_path, registry, other).put_blob(parse_repository(f"{registry.host}/a"), b"content")
    assert [path for _, path, _ in other.seen] == [
        f"/upload?a=b&digest=sha256%3A{hashlib.sha256(b'content').hexdigest()}"
    ]
    assert other.logins == set()


def test_more_tags_are_at_the_same_registry(tmp_path: Path) -> None:
    with (
        serving(lambda *_: (200, {}, b'{"tags": []}')) as other,
        serving(
            challenged(lambda *_: (200, {"Link": f'<http://{other.host}/v2/a>; rel="next"'}, b'{"tags": ["a"]}'))
        ) as registry,
        pytest.raises(RegistryError, match="names another one for more tags"),
    ):
        client_of(tmp_path, registry).tags(parse_repository(f"{registry.host}/a"))
    assert other.seen == []


@pytest.mark.parametrize(
    ("realm", "registry"),
    [
        ("http://registry.example.com/token", "https://registry.example.com"),
        ("http://auth.example.com/token", "https://registry.example.com"),
        ("http://127.0.0.1/token", "https://registry.example.com"),
        ("http://evil.example/token", "http://localhost:5000"),
        ("ftp://registry.example.com/token", "https://registry.example.com"),
        ("file:///etc/passwd", "https://registry.example.com"),
        ("", "https://registry.example.com"),
    ],
)
def test_no_token_is_asked_for_in_plain_text(realm: str, registry: str) -> None:
    with pytest.raises(RefusedError, match="is not safe"):
        _check_realm(realm, registry, parse_repository("registry.example.com/a"))


@pytest.mark.parametrize(
    ("realm", "registry", "sees"),
    [
        ("https://auth.docker.io/token", "https://registry-1.docker.io", True),
        ("https://gitlab.com/jwt/auth", "https://registry.gitlab.com", True),
        ("https://ghcr.io/token", "https://ghcr.io", True),
        ("https://registry.corp:8443/token", "https://registry.corp:5000", True),
        ("https://evil.example/token", "https://registry.gitlab.com", False),
        ("https://gitlab.com.evil.example/token", "https://gitlab.com", False),
        ("https://10.0.0.2/token", "https://10.1.0.2", False),
        ("https://other/token", "https://registry", False),
    ],
)
def test_a_login_stays_in_its_domain(realm: str, registry: str, sees: bool) -> None:
    _check_realm(realm, registry, parse_repository("a"))
    assert _may_see_login(realm, registry) == sees


def test_an_https_registry_cannot_redirect_to_plain_text() -> None:
    with pytest.raises(RegistryError, match="is not safe"):
        transport._check_redirect("https://a.example/x", "http://a.example/x")
    with pytest.raises(RegistryError, match="is not safe"):
        transport._check_redirect("http://localhost/x", "file:///etc/passwd")


# ── limits


def asked(tmp_path: Path, registry: Server) -> Any:
    reference = parse_reference(f"{registry.host}/a:1")
    client = client_of(tmp_path)
    return client.tags(reference.repository), read_image(client, reference)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (fixed(gzip.compress(b"[" * (64 << 20)), Content_Encoding="gzip"), "compressed content"),
        (fixed(b"x" * (17 << 20)), "sends more than 16 MB"),
        (fixed(b'{"tags": ["a"]}', Link='</v2/a/tags/list?n=1000>; rel="next"'), "has no end"),
        (lambda _, path, __: (200 if path == "/v2/" else 302, {"Location": path}, b""), "redirects without end"),
        (fixed(b"<html>hello</html>"), "is not what a registry sends"),
        (fixed(b"[1, 2]"), "is not what a registry sends"),
        (fixed(b'{"tags": [1, 2]}'), "is not what a registry sends"),
        (fixed(b'{"tags": {"a": 1}}'), "is not what a registry sends"),
        (fixed(b'{"tags": ["\\u001b[31m"]}'), "is not what a registry sends"),
        (fixed(b"[" * 1_000_000), "is not what a registry sends"),
        (fixed(b"\xff\xfe"), "is not what a registry sends"),
    ],
)
def test_what_a_registry_sends_has_limits(
    tmp_path: Path, answer: Callable[[str, str, dict[str, str]], Answer], told: str
) -> None:
    with serving(answer) as registry, pytest.raises(RegistryError, match=told) as caught:
        asked(tmp_path, registry)
    assert "\x1b" not in str(caught.value)


def test_a_registry_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_TIMEOUT", Timeout(connect=1, read=0.3))
    assert transport._AGAIN.read == 1
    start = time.monotonic()
    with serving(lambda *_: None) as registry, pytest.raises(RegistryError, match="cannot be reached"):
        client_of(tmp_path).tags(parse_repository(f"{registry.host}/a"))
    assert time.monotonic() - start < 4


@pytest.mark.parametrize(
    "manifest",
    [
        {"layers": None, "config": {"digest": DIGEST}},
        {"config": 5},
        {"config": {"digest": "sha256:../../x"}},
        {"config": None},
        {},
        [],
    ],
)
def test_a_damaged_manifest_is_told(tmp_path: Path, manifest: object) -> None:
    with (
        serving(fixed(json.dumps(manifest).encode(), Content_Type=OCI_MANIFEST)) as registry,
        pytest.raises(RegistryError, match=r"is not what a registry sends|is not an image"),
    ):
        read_image(client_of(tmp_path), parse_reference(f"{registry.host}/a:1"))


@pytest.mark.parametrize(
    "manifests", [[5], None, {"a": 1}, [{"digest": 5}], [{}], [{"digest": DIGEST, "platform": []}]]
)
def test_a_damaged_index_is_told(tmp_path: Path, manifests: object) -> None:
    content = json.dumps({"manifests": manifests}).encode()
    with serving(fixed(content, Content_Type=OCI_INDEX)) as registry:
        client, reference = client_of(tmp_path), parse_reference(f"{registry.host}/a:1")
        if manifests is None:
            assert read_image(client, reference).images == ()
            return
        with pytest.raises(RegistryError, match="is not what a registry sends"):
            read_image(client, reference)


@pytest.mark.parametrize(
    "config",
    [[], {}, {"os": 1, "architecture": "x"}, {"os": "linux", "architecture": "arm64", "config": {"Labels": [1]}}],
)
def test_a_damaged_configuration_is_told(tmp_path: Path, config: object) -> None:
    blob = json.dumps(config).encode()
    digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
    manifest = json.dumps({"config": {"digest": digest}, "layers": []}).encode()

    def answer(_: str, path: str, __: dict[str, str]) -> Answer:
        return 200, {"Content-Type": OCI_MANIFEST}, blob if "blobs" in path else manifest

    with serving(answer) as registry, pytest.raises(RegistryError, match="is not what a registry sends"):
        read_image(client_of(tmp_path), parse_reference(f"{registry.host}/a:1"))


@pytest.mark.parametrize(
    ("digest", "told"),
    [
        (DIGEST, "sent other content"),
        ("sha512:" + "1" * 128, "sent other content"),
        ("sha384:" + "1" * 96, "sent other content"),
        ("md5:" + "1" * 32, "can be checked"),
        ("sha256:1", "can be checked"),
    ],
)
def test_content_is_checked_with_every_algorithm(tmp_path: Path, digest: str, told: str) -> None:
    with serving(fixed(b"other")) as registry, pytest.raises(RegistryError, match=told):
        client_of(tmp_path).blob(parse_repository(f"{registry.host}/a"), digest)


def test_content_with_another_algorithm_is_taken(tmp_path: Path) -> None:
    digest = f"sha512:{hashlib.sha512(b'content').hexdigest()}"
    with serving(fixed(b"content")) as registry:
        assert client_of(tmp_path).blob(parse_repository(f"{registry.host}/a"), digest) == b"content"


@pytest.mark.parametrize("digest", ["x", "sha256:1", DIGEST.upper(), DIGEST + "\x1b[31m"])
def test_a_digest_in_a_header_is_checked(tmp_path: Path, digest: str) -> None:
    with serving(fixed(b"", Docker_Content_Digest=digest)) as registry, pytest.raises(RegistryError):
        client_of(tmp_path).digest(parse_reference(f"{registry.host}/a:1"))


# ── what is configured here


def test_certificates_that_are_not_there_are_told(tmp_path: Path) -> None:
    client = RegistryClient({"DOCKER_CONFIG": str(tmp_path), "SSL_CERT_FILE": "/nonexistent"})
    with pytest.raises(RegistryError, match="'/nonexistent' cannot be used") as caught:
        client.tags(parse_repository("registry.example.com/a"))
    assert "SSL_CERT_FILE" in str(caught.value)


@pytest.mark.parametrize(
    "config",
    [
        "{",
        "[]",
        '{"auths": [1]}',
        '{"auths": {"a": 1}}',
        '{"auths": {"a": {"auth": 1}}}',
        '{"credHelpers": [1]}',
        '{"credHelpers": {"a": 1}}',
        '{"credHelpers": {"a": "../../../tmp/x"}}',
        '{"credsStore": "/tmp/x"}',
        "[" * 100_000,
    ],
)
def test_a_damaged_docker_configuration_is_told(tmp_path: Path, config: str) -> None:
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(EdgebakeError, match="cannot be understood"):
        Credentials({"DOCKER_CONFIG": str(tmp_path)})


def test_an_address_that_is_none_is_told(tmp_path: Path) -> None:
    for repository in ("a b.io/x", "a:b.io/x", "[.io/x", "a.io:99999999/x"):
        with pytest.raises(EdgebakeError):
            client_of(tmp_path).tags(parse_repository(repository))
