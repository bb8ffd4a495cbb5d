"""Files and folders by content, and proof that they stayed as they were while something was made from them.

An answer is found again by the content of its inputs as it is now; no time and no size stands for content there.
It is kept only if its inputs surely did not change between the moment when they were read for their digests and
the end of the work. Their status says so: content cannot change without the kernel setting a new `st_ctime`, which
no program can set back. Two changes can share one `st_ctime` if they are nearer than its resolution, so nothing is
kept of files that changed just before they were read (what git calls racy).
"""

from __future__ import annotations

import errno
import hashlib
import os
import posixpath
import stat
import time
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

MAX_BYTES = 64_000_000
MAX_ENTRIES = 20_000
"""More than this is not worth reading before each answer."""

_FINE_NS = 100_000_000
"""Longer than any kernel's clock tick (10 ms at 100 Hz), in nanoseconds."""

_COARSE_NS = 2_500_000_000
"""The same where times have no fractions of a millisecond: FAT's resolution is 2 s."""

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK

Signature = tuple[int, ...]


class Place(NamedTuple):
    """Something that is read: a file, a folder with all that is in it, or a folder of Python code."""

    kind: Literal["file", "tree", "code"]
    path: str


class UnfitError(Exception):
    """Something is there that is not read this way: too much, a device, a link to elsewhere, a recipe in Python."""


class Snapshot:
    """Digests of places, each taken once."""

    def __init__(self) -> None:
        self._digests: dict[Place, str] = {}
        self._signatures: dict[str, Signature | None] = {}
        self._bytes = 0
        self._settled = True

    def __contains__(self, place: Place) -> bool:
        return place in self._digests

    def digests(self, places: Iterable[Place]) -> list[str]:
        """Return the digests of places in hex: of names, kinds, modes and contents; "" for one that is not there.

        Raises:
            UnfitError: it cannot be told.
        """
        return [self._digest(place) for place in places]

    def stands(self) -> bool:
        """Tell whether all that was read is surely the same still, and was all the time since."""
        return self._settled and all(_signature(path) == known for path, known in self._signatures.items())

    def _digest(self, place: Place) -> str:
        if place not in self._digests:
            try:
                if os.path.realpath(place.path) != place.path:
                    raise UnfitError(f"{place.path} is reached through a link")
                self._digests[place] = self._file(place.path) if place.kind == "file" else self._tree(place)
            except OSError as error:
                raise UnfitError(str(error)) from None
        return self._digests[place]

    def _file(self, path: str) -> str:
        try:
            descriptor = os.open(path, _READ)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                raise
            self._signatures[path] = None
            return ""
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise UnfitError(f"{path} is not a file")
            self._note(path, status)
            return self._contents(descriptor, status)
        finally:
            os.close(descriptor)

    def _contents(self, descriptor: int, status: os.stat_result) -> str:
        self._bytes += status.st_size
        if self._bytes > MAX_BYTES:
            raise UnfitError("there is too much to read")
        digest = hashlib.sha256(b"%o\n" % stat.S_IMODE(status.st_mode))
        while block := os.read(descriptor, max(status.st_size, 1 << 16)):
            digest.update(block)
        return digest.hexdigest()

    def _tree(self, place: Place) -> str:
        try:
            status = os.lstat(place.path)
        except (FileNotFoundError, NotADirectoryError):
            self._signatures[place.path] = None
            return ""
        if not stat.S_ISDIR(status.st_mode):
            raise UnfitError(f"{place.path} is not a folder")
        digest = hashlib.sha256()
        for line in self._folder(place, "", status):
            # Each field with its length: none can run into the next.
            digest.update(b"".join(b"%d:%b" % (len(field), field) for field in line) + b"\n")
        return digest.hexdigest()

    def _folder(self, place: Place, folder: str, status: os.stat_result) -> Iterator[tuple[bytes, ...]]:
        """Yield what a folder holds, and what is in its folders, in an order that follows from the names."""
        at = posixpath.join(place.path, folder) if folder else place.path
        self._note(at, status)
        if len(self._signatures) > MAX_ENTRIES:
            raise UnfitError("there are too many files")
        yield b"folder", os.fsencode(folder), b"%o" % stat.S_IMODE(status.st_mode)
        with os.scandir(at) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_symlink():
                yield b"link", os.fsencode(path), os.fsencode(self._link(entry.path, path))
            elif entry.is_dir():
                if place.kind == "tree" or entry.name not in ("__pycache__", "_catalogue"):
                    yield from self._folder(place, path, entry.stat(follow_symlinks=False))
            elif place.kind == "tree" or entry.name.endswith(".py"):
                _refuse_code(place, entry.name)
                yield b"file", os.fsencode(path), self._file(entry.path).encode()

    def _link(self, path: str, inside: str) -> str:
        """Return where a link points; what is not beneath its own tree may change unseen."""
        self._note(path, os.lstat(path))
        target = os.readlink(path)  # noqa: PTH115 (Path.readlink() would tidy up the text)
        end = posixpath.normpath(posixpath.join(posixpath.dirname(inside), target))
        if target.startswith("/") or end.split("/")[0] == "..":
            raise UnfitError(f"{path} is a link to elsewhere")
        return target

    def _note(self, path: str, status: os.stat_result) -> None:
        self._signatures[path] = _signed(status)
        margin = _FINE_NS if status.st_ctime_ns % 1_000_000 else _COARSE_NS
        if status.st_ctime_ns > time.time_ns() - margin:
            self._settled = False


def _refuse_code(place: Place, name: str) -> None:
    """Refuse recipes written in Python: what they say may follow from anything."""
    if place.kind == "tree" and name == "recipe.py":
        raise UnfitError("a recipe is written in Python")


def _signature(path: str) -> Signature | None:
    try:
        return _signed(os.lstat(path))
    except OSError:
        return None


def _signed(status: os.stat_result) -> Signature:
    return (
        status.st_dev,
        status.st_ino,
        status.st_mode,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )
