"""What is in a wheel, read from the end of its file: a package of gigabytes costs a few requests."""

from __future__ import annotations

import hashlib
import io
import os
import posixpath
import tempfile
import zipfile
from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as ConfigError
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urldefrag, urlsplit

from edgebake.dataclasses import dataclass
from edgebake.lock.logins import Logins
from edgebake.registry.connections import Connections
from edgebake.system.store import Store

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

SCRIPTS = "bin/"
"""Where an environment's programs are. All other paths are relative to its folder of packages."""
_TAIL = 1 << 18  # bytes asked for first: the directory of most wheels, and their metadata
_CHUNK = 1 << 16
_MAX_TEXT = 1 << 22  # of a file with metadata
_SCRIPTS_OF = {"scripts": SCRIPTS, "data": "../data/", "headers": "../include/", "purelib": "", "platlib": ""}


class WheelError(Exception):
    """A wheel's files cannot be read; the text says why, without an address."""


@dataclass(frozen=True)
class WheelContents:
    """What a wheel installs.

    Attributes:
        paths: each path below the folder of packages (programs: below `bin/`), with the CRC and size of the file.
        metadata: the text of METADATA.
    """

    paths: Mapping[str, tuple[int, int]]
    metadata: str


class WheelReader:
    """Reads wheels from their addresses, or from files.

    Args:
        connections: how servers are reached.
        store: what was read before, by digest; None to keep nothing.
    """

    def __init__(self, connections: Connections, store: Store | None, logins: Logins | None = None) -> None:
        self._connections = connections
        self._logins = logins or Logins()
        self._store = store

    def read(self, place: str | Path, digest: str, size: int | None = None) -> WheelContents:
        """Return what is in a wheel.

        Args:
            place: its address, or its path.
            digest: its digest, such as `sha256:…`. A file that is downloaded whole must have it.
            size: its size in bytes, if it is known.

        Raises:
            WheelError: it cannot be read.
        """
        name = digest.replace(":", "-")
        known = self._store.get(name) if self._store else None
        if known is not None:
            return WheelContents(
                {path: (crc, size) for path, (crc, size) in known["paths"].items()}, known["metadata"]
            )
        try:
            with self._open(place, digest, size) as file, zipfile.ZipFile(file) as wheel:
                contents = _contents(wheel)
        except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
            raise WheelError(f"it is not a wheel: {error}") from None
        except OSError as error:
            raise WheelError(error.strerror or str(error)) from None
        if self._store:
            self._store.put(name, asdict(contents))
        return contents

    def text(self, place: str | Path, digest: str, size: int | None, path: str) -> str:
        """Return the text of a small file in a wheel, as `read` reads it; "" if it is not there.

        Raises:
            WheelError: it cannot be read.
        """
        try:
            with self._open(place, digest, size) as file, zipfile.ZipFile(file) as wheel:
                return _text(wheel, path) if path in wheel.namelist() else ""
        except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
            raise WheelError(f"it cannot be read: {error}") from None

    def _open(self, place: str | Path, digest: str, size: int | None) -> IO[bytes]:
        if isinstance(place, Path):
            return place.open("rb")
        url = urldefrag(place).url
        pool, headers = self._connections.pool(url), {"Accept-Encoding": "identity", **self._logins.headers(url)}
        remote = _Remote(url, pool, headers)
        first = remote.ask(f"bytes=-{min(size or _TAIL, _TAIL)}")
        if first.status == 206:
            return io.BufferedReader(_Ranges(remote, first), _CHUNK)
        return _downloaded(first, digest)


# ── files that are read in parts


class _Remote:
    """A file on a server."""

    def __init__(self, url: str, pool: Any, headers: Mapping[str, str]) -> None:
        self._url = url
        self._pool = pool
        self._headers = headers

    def ask(self, part: str) -> BaseHTTPResponse:
        """Return the answer to a request for a part: that part (206), or the whole file (200).

        Raises:
            WheelError: the server cannot be reached, or refuses.
        """
        from urllib3.exceptions import HTTPError

        host = urlsplit(self._url).netloc
        try:
            response: BaseHTTPResponse = self._pool.request(
                "GET", self._url, headers={**self._headers, "Range": part}, preload_content=False
            )
        except HTTPError:
            raise WheelError(f"{host} cannot be reached") from None
        if response.status not in (200, 206):
            response.release_conn()
            raise WheelError(f"{host} answers {response.status}")
        return response


class _Ranges(io.RawIOBase):
    """A remote file that can be read anywhere. What was read is kept."""

    def __init__(self, remote: _Remote, tail: BaseHTTPResponse) -> None:
        self._remote = remote
        self._parts: list[tuple[int, bytes]] = []
        self._position = 0
        self._size = self._keep(tail)

    def _keep(self, response: BaseHTTPResponse) -> int:
        """Keep the part that a server sends, and return the size of the whole file."""
        from urllib3.exceptions import HTTPError

        words = response.headers.get("Content-Range", "").removeprefix("bytes ").replace("/", "-").split("-")
        try:
            start, end, size = map(int, words)
            content = response.read(end - start + 1)
        except (ValueError, HTTPError):
            raise WheelError("its server sends something else than a part of it") from None
        finally:
            response.release_conn()
        if len(content) != end - start + 1:
            raise WheelError("its server sends less than a part of it")
        self._parts.append((start, content))
        return size

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position."""
        self._position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Read from the position on, and return how many bytes were read."""
        wanted = min(len(buffer), self._size - self._position)
        if wanted <= 0:
            return 0
        part = self._part(wanted)
        buffer[: len(part)] = part
        self._position += len(part)
        return len(part)

    def _part(self, wanted: int) -> bytes:
        for start, content in self._parts:
            if start <= self._position < start + len(content):
                return content[self._position - start :][:wanted]
        end = min(self._position + max(wanted, _CHUNK), self._size) - 1
        response = self._remote.ask(f"bytes={self._position}-{end}")
        if response.status != 206:
            response.release_conn()
            raise WheelError("its server sends no parts of it any more")
        self._keep(response)
        return self._part(wanted)


def _downloaded(response: BaseHTTPResponse, digest: str) -> IO[bytes]:
    """Return the whole file, in a temporary one, for a server that sends no parts.

    Raises:
        WheelError: it breaks off, or has another digest.
    """
    from urllib3.exceptions import HTTPError

    kind, _, expected = digest.partition(":")
    found = hashlib.new(kind)
    with ExitStack() as unless_it_is_whole:
        file = unless_it_is_whole.enter_context(tempfile.TemporaryFile())
        try:
            for chunk in response.stream(1 << 20):
                found.update(chunk)
                file.write(chunk)
        except HTTPError:
            raise WheelError("its server breaks off") from None
        finally:
            response.release_conn()
        if found.hexdigest() != expected:
            raise WheelError("its server sends a file with another digest")
        unless_it_is_whole.pop_all()
    return file


# ── what is in a wheel


def _contents(wheel: zipfile.ZipFile) -> WheelContents:
    files = [info for info in wheel.infolist() if not info.is_dir()]
    info = next((posixpath.dirname(one.filename) for one in files if _is_metadata(one.filename)), None)
    if info is None:
        raise WheelError("it has no metadata")
    paths = {_installed(one.filename): (one.CRC, one.file_size) for one in files}
    names = {one.filename for one in files}
    points = f"{info}/entry_points.txt"
    for name in _programs(_text(wheel, points)) if points in names else ():
        paths[f"{SCRIPTS}{name}"] = (0, 0)
    return WheelContents(dict(sorted(paths.items())), _text(wheel, f"{info}/METADATA"))


def _is_metadata(path: str) -> bool:
    folder, _, name = path.partition("/")
    return folder.endswith(".dist-info") and name == "METADATA"


def _installed(path: str) -> str:
    """Return where a file of a wheel is installed.

    https://packaging.python.org/en/latest/specifications/binary-distribution-format/#the-data-directory
    """
    first, _, rest = path.partition("/")
    if not first.endswith(".data"):
        return path
    kind, _, inner = rest.partition("/")
    return _SCRIPTS_OF.get(kind, f"../{kind}/") + inner


def _text(wheel: zipfile.ZipFile, name: str) -> str:
    if wheel.getinfo(name).file_size > _MAX_TEXT:
        raise WheelError(f"{name} is too large")
    return wheel.read(name).decode("utf-8", errors="replace")


def _programs(text: str) -> list[str]:
    """Return the programs that a wheel's entry points make."""
    parser = ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except ConfigError:
        return []
    groups = [group for group in ("console_scripts", "gui_scripts") if parser.has_section(group)]
    return [name for group in groups for name in parser.options(group)]
