"""Private git servers on this machine: over HTTP with a token, and over SSH with a key."""

from __future__ import annotations

import base64
import getpass
import http.server
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from conftest import run

TOKEN = "example-token-of-a-git-server"


@dataclass
class GitServer:
    """A server for the bare repositories of a folder, and what was asked of it without a login."""

    address: str
    refused: list[str]


class _Handler(http.server.BaseHTTPRequestHandler):
    """Gives what is in `folder` to who has the token."""

    folder: ClassVar[Path]
    refused: ClassVar[list[str]]

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *args: object) -> None: ...

    def _answer(self) -> None:
        basic = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
        if self.headers["Authorization"] not in (f"basic {basic}", f"Basic {basic}", f"Bearer {TOKEN}"):
            self.refused.append(self.path)
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        file = self.folder / path.lstrip("/")
        self._send(b"200 OK", file.read_bytes()) if file.is_file() else self._git(path, query)

    def _git(self, path: str, query: str) -> None:
        length = int(self.headers["Content-Length"] or 0)
        body = self.rfile.read(length)
        if self.headers["Transfer-Encoding"] == "chunked":
            body = b"".join(iter(self._chunk, b""))
        done = subprocess.run(
            ["git", "http-backend"],
            input=body,
            capture_output=True,
            check=True,
            env={
                **os.environ,
                "GIT_PROJECT_ROOT": str(self.folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers["Content-Type"] or "",
                "HTTP_CONTENT_ENCODING": self.headers["Content-Encoding"] or "",
                "GIT_PROTOCOL": self.headers["Git-Protocol"] or "",
                "REMOTE_USER": "x",
            },
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n"))
        self._send(fields.pop(b"Status", b"200 OK"), content, fields)

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline(), 16)
        data = self.rfile.read(size)
        self.rfile.readline()
        return data

    def _send(self, status: bytes, content: bytes, fields: dict[bytes, bytes] | None = None) -> None:
        self.send_response(int(status.split()[0]))
        for name, value in (fields or {}).items():
            self.send_header(name.decode(), value.decode())
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def git_over_http(folder: Path, host: str) -> Iterator[GitServer]:
    """Serve repositories, and files that are no repositories, to who has the token. Names are taken as they are."""
    handler = type("Handler", (_Handler,), {"folder": folder, "refused": []})
    with http.server.ThreadingHTTPServer((host, 0), handler) as listening:
        server = GitServer(f"http://{host}:{listening.server_address[1]}", handler.refused)
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield server
        listening.shutdown()


@contextmanager
def git_over_ssh(folder: Path) -> Iterator[tuple[str, Path]]:
    """Run an SSH server on the loopback; give the address of the repositories in a folder, and a key that it takes."""
    for name in ("host", "user"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shutil.copy(folder / "user.pub", folder / "authorized")
    lines = (
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
        "StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
        f"PidFile {folder}/pid\n"
    )
    (folder / "sshd_config").write_text(lines)
    Path("/run/sshd").mkdir(exist_ok=True)
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    process = subprocess.Popen([program, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        yield f"ssh://{getpass.getuser()}@127.0.0.1:{port}{folder}", folder / "user"
    finally:
        process.terminate()
        process.wait(timeout=10)


@contextmanager
def ssh_agent(key: Path) -> Iterator[dict[str, str]]:
    """Run an agent with a key; give the variable that names it."""
    listening = key.with_name("agent")
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(listening)], stdout=subprocess.DEVNULL)
    try:
        while not listening.exists():
            time.sleep(0.1)
        environment = {"SSH_AUTH_SOCK": str(listening)}
        run("ssh-add", "-q", str(key), env=environment)
        yield environment
    finally:
        process.terminate()
        process.wait(timeout=10)


def bridge_address() -> str:
    """Return the address under which steps of a build reach this machine."""
    found = json.loads(run("docker", "network", "inspect", "bridge").out)
    return str(found[0]["IPAM"]["Config"][0]["Gateway"])


def _wait(port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("the SSH server does not answer")
