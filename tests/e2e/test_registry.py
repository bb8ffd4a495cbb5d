"""The registry client against distribution itself: logins, tokens, TLS, tags, deletion."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from conftest import REGISTRY, run
from edgebake.registry.client import OCI_MANIFEST, RegistryClient
from edgebake.registry.errors import NotFoundError, RefusedError, UnreachableError, UnsupportedError
from edgebake.registry.images import labels_of, read_image
from edgebake.registry.reference import Repository, parse_reference, parse_repository
from edgebake.registry.retag import remove_tag

USERS = "u:$2b$04$M6b3a0qkU0PHyTn6rCMuKOazZ7GqAuA.eRXNysixET4rQnJYHlYTq\n"  # password: p
Serve = Callable[[str], str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key and a certificate for localhost."""
    made = tmp_path_factory.mktemp("registry")
    options = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    files = ["-keyout", str(made / "key.pem"), "-out", str(made / "cert.pem")]
    run("openssl", "req", "-x509", *options, *files, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    (made / "users").write_text(USERS)
    return made


@pytest.fixture(scope="module")
def serve(folder: Path) -> Iterator[Serve]:
    """Start registries of our own; each takes a piece of configuration and returns its host."""
    processes = []
    program = shutil.which("docker-registry")
    assert program

    def start(configuration: str) -> str:
        port = free_port()
        data = folder / f"data-{port}"
        file = folder / f"{port}.yml"
        storage = f"storage: {{filesystem: {{rootdirectory: {data}}}, delete: {{enabled: DELETE}}}}"
        delete = "false" if "no-delete" in configuration else "true"
        configuration = configuration.replace("no-delete", "").replace("PORT", str(port))
        file.write_text(f"version: 0.1\n{storage.replace('DELETE', delete)}\n{configuration}")
        processes.append(subprocess.Popen([program, "serve", str(file)], stderr=subprocess.DEVNULL))
        wait_for(port)
        return f"localhost:{port}"

    yield start
    for process in processes:
        process.terminate()
        process.wait(timeout=10)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(port: int) -> None:
    command = f"until (echo > /dev/tcp/127.0.0.1/{port}) 2>/dev/null; do sleep 0.1; done"
    run("timeout", "20", "bash", "-c", command)


def client(
    folder: Path, host: str = "", *, password: str = "p", ca: Path | None = None, **config: object
) -> RegistryClient:
    """Return a client with a Docker configuration of its own."""
    home = folder / f"docker-{time.monotonic_ns()}"
    home.mkdir()
    auth = base64.b64encode(f"u:{password}".encode()).decode()
    data = {"auths": {host: {"auth": auth}} if host else {}, **config}
    (home / "config.json").write_text(json.dumps(data))
    environment = {**os.environ, "DOCKER_CONFIG": str(home), "PATH": f"{folder}:{os.environ['PATH']}"}
    return RegistryClient(environment, ca)


def put(one: RegistryClient, repository: Repository, *tags: str) -> str:
    """Write a small manifest under tags; return its digest."""
    config = one.put_blob(repository, b'{"architecture": "arm64", "os": "linux", "config": {"Labels": {"a": "b"}}}')
    kind = "application/vnd.oci.image.config.v1+json"
    size = len(one.blob(repository, config))
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": kind, "digest": config, "size": size},
        "layers": [],
    }
    content = json.dumps(manifest).encode()
    return [one.put_manifest(repository.tagged(tag), content, OCI_MANIFEST) for tag in tags][0]


def http(auth: str = "") -> str:
    return f"http: {{addr: '127.0.0.1:PORT'}}\n{auth}"


@pytest.fixture(scope="module")
def plain(serve: Serve) -> str:
    return serve(http())


def test_manifests_tags_and_labels(plain: str, folder: Path) -> None:
    one, repository = client(folder), parse_repository(f"{plain}/a/b")
    assert one.tags(repository) == []
    digest = put(one, repository, "one", "two")
    assert one.tags(repository) == ["one", "two"]
    assert one.digest(repository.tagged("one")) == digest == run("crane", "digest", f"{plain}/a/b:two").out.strip()
    image = read_image(one, repository.tagged("one"))
    assert [found.platform for found in image.images] == ["linux/arm64"]
    assert labels_of(one, repository, image.images[0]) == {"a": "b"}
    assert one.find_digest(repository.tagged("three")) is None
    with pytest.raises(NotFoundError, match="a/b:three is not in the registry"):
        one.manifest(repository.tagged("three"))


def test_an_index_of_buildx(folder: Path) -> None:
    image = read_image(client(folder), parse_reference(f"{REGISTRY}/busybox:stable"))
    assert set(image.by_platform) == {"linux/amd64", "linux/arm64"}
    assert image.digest == run("crane", "digest", f"{REGISTRY}/busybox:stable").out.strip()


def test_a_removed_tag_takes_nothing_with_it(plain: str, folder: Path) -> None:
    one, repository = client(folder), parse_repository(f"{plain}/removed")
    digest = put(one, repository, "staging", "kept")
    assert remove_tag(one, repository.tagged("staging"))
    assert not remove_tag(one, repository.tagged("staging"))
    assert run("crane", "ls", str(repository)).out.split() == ["kept"]
    assert run("crane", "digest", f"{repository}:kept").out.strip() == digest


def test_a_hundred_questions_take_less_than_a_second(plain: str, folder: Path) -> None:
    one, repository = client(folder), parse_repository(f"{plain}/many")
    tags = [f"t{number}" for number in range(100)]
    digest = put(one, repository, *tags)
    references = [repository.tagged(tag) for tag in tags]
    took = []
    for _ in range(3):  # other tests may be at work
        started = time.monotonic()
        assert set(one.each(one.find_digest, references)) == {digest}
        took.append(time.monotonic() - started)
    assert min(took) < 1.0


def test_a_registry_without_deletion_says_so_and_the_tag_is_as_it_was(serve: Serve, folder: Path) -> None:
    one, repository = client(folder), parse_repository(f"{serve(http('no-delete'))}/test")
    digest = put(one, repository, "staging")
    with pytest.raises(UnsupportedError):
        remove_tag(one, repository.tagged("staging"))
    assert run("crane", "digest", f"{repository}:staging").out.strip() == digest


# ── logins


def test_basic_auth_over_tls_with_an_authority_of_its_own(serve: Serve, folder: Path) -> None:
    tls = f"http: {{addr: '127.0.0.1:PORT', tls: {{certificate: {folder}/cert.pem, key: {folder}/key.pem}}}}\n"
    host = serve(f"{tls}auth: {{htpasswd: {{realm: test, path: {folder}/users}}}}\n")
    repository, authority = parse_repository(f"{host}/test"), folder / "cert.pem"
    digest = put(client(folder, host, ca=authority), repository, "one")

    helper = folder / "docker-credential-test"
    helper.write_text(
        '#!/bin/sh\nread host\necho "{\\"ServerURL\\": \\"$host\\", \\"Username\\": \\"u\\", \\"Secret\\": \\"p\\"}"\n'
    )
    helper.chmod(0o755)
    for config in ({"credHelpers": {host: "test"}}, {"credsStore": "test"}):
        assert client(folder, ca=authority, **config).digest(repository.tagged("one")) == digest
    with pytest.raises(RefusedError, match="docker-credential-none not found"):
        client(folder, ca=authority, credsStore="none").digest(repository.tagged("one"))
    for refused in (client(folder, ca=authority), client(folder, host, password="wrong", ca=authority)):
        with pytest.raises(RefusedError) as told:
            refused.manifest(repository.tagged("one"))
        assert told.value.hints == (f"log in to the registry: docker login {host}",)
    with pytest.raises(UnreachableError, match="cannot be reached") as untrusted:
        client(folder, host).manifest(repository.tagged("one"))
    assert "CERTIFICATE_VERIFY_FAILED" in (untrusted.value.reason or "")


@dataclass
class TokenServer:
    """Gives out tokens as https://distribution.github.io/distribution/spec/auth/token/ describes."""

    folder: Path
    port: int = field(default_factory=free_port)
    scopes: list[str] = field(default_factory=list)

    def token(self, scopes: list[str]) -> str:
        certificate = (self.folder / "cert.pem").read_text().split("-----")[2].replace("\n", "")
        header = {"typ": "JWT", "alg": "RS256", "x5c": [certificate]}
        now = int(time.time())
        access = [
            {"type": kind, "name": name, "actions": actions.split(",")}
            for kind, name, actions in (scope.split(":") for scope in scopes)
        ]
        claims = {"iss": "test", "sub": "u", "aud": "registry", "exp": now + 60, "nbf": now - 5, "iat": now}
        text = ".".join(
            _base64(json.dumps(part).encode()) for part in (header, {**claims, "jti": "1", "access": access})
        )
        command = ["openssl", "dgst", "-sha256", "-sign", str(self.folder / "key.pem")]
        signature = subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout
        return f"{text}.{_base64(signature)}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.fixture(scope="module")
def tokens(folder: Path) -> Iterator[TokenServer]:
    server = TokenServer(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            scopes = " ".join(parse_qs(urlsplit(self.path).query).get("scope", [])).split()
            server.scopes += scopes
            good = self.headers.get("Authorization") == "Basic " + base64.b64encode(b"u:p").decode()
            body = json.dumps({"token": server.token(scopes)} if good else {}).encode()
            self.send_response(200 if good else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    http_server = ThreadingHTTPServer(("127.0.0.1", server.port), Handler)
    thread = threading.Thread(target=http_server.serve_forever)
    thread.start()
    yield server
    http_server.shutdown()
    http_server.server_close()
    thread.join()


def test_a_token_for_each_scope_and_one_for_many_questions(serve: Serve, tokens: TokenServer, folder: Path) -> None:
    token = f"realm: 'http://localhost:{tokens.port}/token', service: registry, issuer: test"
    host = serve(http(f"auth: {{token: {{{token}, rootcertbundle: {folder}/cert.pem}}}}\n"))
    one, repository = client(folder, host), parse_repository(f"{host}/test")
    put(one, repository, "one", "two")
    tokens.scopes.clear()
    reader = client(folder, host)
    assert None not in reader.each(reader.find_digest, [repository.tagged(tag) for tag in ("one", "two") * 10])
    assert tokens.scopes == ["repository:test:pull"]
    assert remove_tag(one, repository.tagged("one"))
    assert one.tags(repository) == ["two"]
    with pytest.raises(RefusedError, match="refuses access"):
        client(folder).manifest(repository.tagged("two"))
