"""What is in a wheel, read from servers with and without parts, and from files."""

from __future__ import annotations

import hashlib
import io
import re
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from edgebake.lock.wheel_files import WheelError, WheelReader
from edgebake.registry.connections import Connections
from edgebake.system.store import Store

METADATA = "Metadata-Version: 2.1\nName: big\nVersion: 1.0\nRequires-Dist: six\n"
FILES = {
    "big/__init__.py": "import six\n",
    "big-1.0.data/scripts/old": "#!python\n",
    "big-1.0.data/data/share/x": "",
    "big-1.0.data/purelib/pure.py": "",
    "big-1.0.dist-info/METADATA": METADATA,
    "big-1.0.dist-info/entry_points.txt": "[console_scripts]\nBig-Tool = big:main [x]\n\n[other]\nno = way:x\n",
    "big-1.0.dist-info/RECORD": "",
}


def wheel(filler: int = 0, files: dict[str, str] | None = None) -> bytes:
    """Return a wheel; the filler lies in front of all that is asked for."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("big/data.bin", b"\0" * filler)
        for path, text in (FILES if files is None else files).items():
            archive.writestr(path, text)
    return out.getvalue()


@dataclass
class Server:
    """Serves one file. `ranges`: whether it sends parts; `asked`: what was asked for, and how much it sent."""

    content: bytes
    ranges: bool = True
    status: int = 0
    url: str = ""
    asked: list[str] = field(default_factory=list)
    logins: list[str | None] = field(default_factory=list)
    sent: int = 0

    @property
    def digest(self) -> str:
        return "sha256:" + hashlib.sha256(self.content).hexdigest()

    def answer(self, part: str) -> tuple[int, bytes, str]:
        self.asked.append(part)
        if self.status:
            return self.status, b"", ""
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", part)
        if not self.ranges or match is None:
            return 200, self.content, ""
        size = len(self.content)
        start = int(match[1]) if match[1] else max(size - int(match[2]), 0)
        end = min(int(match[2]), size - 1) if match[1] else size - 1
        return 206, self.content[start : end + 1], f"bytes {start}-{end}/{size}"


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server(wheel())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            one.logins.append(self.headers.get("Authorization"))
            status, content, part = one.answer(self.headers.get("Range", ""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            if part:
                self.send_header("Content-Range", part)
            self.end_headers()
            self.wfile.write(content)
            one.sent += len(content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        one.url = f"http://127.0.0.1:{listening.server_port}/big-1.0-py3-none-any.whl"
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield one
        listening.shutdown()
        thread.join()


def reader(store: Store | None = None) -> WheelReader:
    return WheelReader(Connections({}, None, 2), store)


PATHS = {
    "../data/share/x",
    "big-1.0.dist-info/METADATA",
    "big-1.0.dist-info/RECORD",
    "big-1.0.dist-info/entry_points.txt",
    "big/__init__.py",
    "big/data.bin",
    "bin/Big-Tool",
    "bin/old",
    "pure.py",
}


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("size_is_known", [True, False])
def test_paths_and_metadata(server: Server, ranges: bool, size_is_known: bool) -> None:
    server.ranges = ranges
    found = reader().read(server.url, server.digest, len(server.content) if size_is_known else None)
    assert set(found.paths) == PATHS
    assert found.metadata == METADATA
    assert len(server.asked) == 1


def test_a_large_wheel_is_not_downloaded(server: Server) -> None:
    server.content = wheel(50_000_000)
    found = reader().read(f"{server.url}#sha256=x", server.digest)
    assert found.paths["big/data.bin"][1] == 50_000_000
    assert server.sent < 300_000


def test_what_lies_far_from_the_end_is_asked_for_apart(server: Server) -> None:
    files = {**FILES, **{f"big/{number:06}.py": "" for number in range(6000)}}  # a directory larger than the end
    server.content = wheel(1_000_000, files)
    found = reader().read(server.url, server.digest)
    assert len(found.paths) == len(PATHS) + 6000
    assert 2 <= len(server.asked) <= 4
    assert reader().text(server.url, server.digest, None, "big/__init__.py") == "import six\n"
    assert server.sent < len(server.content) * 2


def test_a_file_of_the_project(tmp_path: Path, server: Server) -> None:
    (tmp_path / "big.whl").write_bytes(server.content)
    assert set(reader().read(tmp_path / "big.whl", server.digest).paths) == PATHS
    with pytest.raises(WheelError, match="No such file"):
        reader().read(tmp_path / "missing.whl", server.digest)


def test_what_was_read_is_kept_by_its_digest(tmp_path: Path, server: Server) -> None:
    store = Store(tmp_path / "wheels")
    first = reader(store).read(server.url, server.digest)
    server.status = 500
    assert reader(store).read(server.url, server.digest) == first
    assert len(server.asked) == 1


def test_the_login_of_the_users_netrc(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    reader().read(server.url, server.digest)
    assert server.logins == ["Basic bWU6c2VjcmV0"]


@pytest.mark.parametrize("status", [401, 403, 404, 416])
def test_a_server_that_refuses(server: Server, status: int) -> None:
    server.status = status
    with pytest.raises(WheelError, match=rf"127.0.0.1:\d+ answers {status}"):
        reader().read(server.url, server.digest)


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(WheelError, match=r"127\.0\.0\.1:1 cannot be reached"):
        reader().read("http://127.0.0.1:1/x.whl", "sha256:" + "0" * 64)


def test_another_file_than_the_locked_one(server: Server) -> None:
    server.ranges = False
    with pytest.raises(WheelError, match="another digest"):
        reader().read(server.url, "sha256:" + "0" * 64)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<html>not found</html>", "it is not a wheel"),
        (b"", "it is not a wheel|sends"),
        (wheel(files={"x.py": ""}), "it has no metadata"),
        (wheel()[:-40], "it is not a wheel"),
    ],
)
def test_what_is_no_wheel(server: Server, content: bytes, told: str) -> None:
    server.content = content
    with pytest.raises(WheelError, match=told):
        reader().read(server.url, server.digest)
