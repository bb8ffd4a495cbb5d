"""A stand-in for a Python package index (PEP 503, PEP 691) on this machine, with small wheels."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

JSON = "application/vnd.pypi.simple.v1+json"


@dataclass
class Index:
    """A package index, which counts what it is asked.

    Attributes:
        folder: its wheels, a folder for each project.
        hashes: whether its pages name the wheels' digests.
        json: whether it answers with PEP 691's pages, which have sizes, too.
        login: `user:password` that it wants; None for nothing.
        requests: how many it answers before it hangs up on all others; None for all.
        delay: how long it thinks, in seconds.
        asked: the paths that it was asked for.
        url: its address.
    """

    folder: Path
    hashes: bool = True
    json: bool = False
    login: str | None = None
    requests: int | None = None
    delay: float = 0
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def add(self, name: str, version: str, *requires: str, platform: str = "any") -> Path:
        """Add a wheel, and return its path."""
        return make_wheel(self.folder / name, name, version, requires, f"py3-none-{platform}")

    def page(self, path: str, accepted: str = "") -> tuple[bytes, str] | None:
        self.asked.append(path)
        place = self.folder / path.strip("/").removeprefix("simple/")
        if place.is_file():
            return place.read_bytes(), "application/octet-stream"
        if not place.is_dir():
            return None
        files = sorted(place.iterdir())
        if self.json and JSON in accepted:
            return json.dumps(self._listed(place.name, files)).encode(), JSON
        return "".join(map(self._line, files)).encode(), "text/html"

    def _listed(self, name: str, files: list[Path]) -> dict[str, Any]:
        entries = [
            {"filename": one.name, "url": one.name, "size": one.stat().st_size, "hashes": {"sha256": digest(one)}}
            for one in files
        ]
        return {"meta": {"api-version": "1.1"}, "name": name, "versions": [], "files": entries}

    def _line(self, file: Path) -> str:
        fragment = f"#sha256={digest(file)}" if self.hashes else ""
        return f'<a href="{file.name}{fragment}">{file.name}</a>\n'

    def allows(self, authorization: str | None) -> bool:
        """Tell whether a request has the login."""
        if self.login is None:
            return True
        return authorization == "Basic " + base64.b64encode(self.login.encode()).decode()


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def make_wheel(
    folder: Path, name: str, version: str, requires: tuple[str, ...] = (), tag: str = "py3-none-any"
) -> Path:
    """Write a wheel with one module, which names its version; the same bytes for the same arguments."""
    folder.mkdir(parents=True, exist_ok=True)
    module, needs = name.replace("-", "_"), "".join(f"Requires-Dist: {one}\n" for one in requires)
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}/__init__.py": f"__version__ = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: edgebake\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    path = folder / f"{module}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(zipfile.ZipInfo(file), text)
    return path


@contextmanager
def serving(index: Index, host: str = "127.0.0.1") -> Iterator[Index]:
    """Serve an index on an address of this machine, and set its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(index.delay)
            if index.requests is not None and len(index.asked) >= index.requests:
                self.close_connection = True
                return
            allowed = index.allows(self.headers["Authorization"])
            page = index.page(self.path, self.headers["Accept"] or "") if allowed else None
            body, kind = page or (b"", "text/plain")
            self.send_response(401 if not allowed else 404 if page is None else 200)
            if not allowed:
                self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):  # uv has gone
                self.wfile.write(body if self.command == "GET" else b"")

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer((host, 0), Handler) as server:
        index.url = f"http://{host}:{server.server_port}/simple"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield index
        finally:
            server.shutdown()
            thread.join()
