"""Digests of files and folders, and proof that they did not change while they were used.

A cached output is valid if the present content of its inputs has the same digests. Times and sizes are never used
in place of content. An output is cached only if its inputs did not change between the reading for their digests and
the end of the command. Their status proves it: content cannot change without a new `st_ctime` from the kernel, and
no program can set it back. Two changes within its resolution can have the same `st_ctime`, so nothing is cached if
an input changed just before it was read (git calls this racy).
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
import time
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

MAX_BYTES = 64_000_000
MAX_ENTRIES = 20_000
"""Reading more than this takes longer than the cache saves."""

_FINE_NS = 100_000_000  # longer than any kernel's clock tick (10 ms at 100 Hz), in nanoseconds

_COARSE_NS = 2_500_000_000  # the same for times without fractions of a millisecond: the resolution of FAT is 2 s

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK

Signature = tuple[int, ...]


class Input(NamedTuple):
    """An input: a file, a folder with everything in it, or a folder of Python code."""

    kind: Literal["file", "tree", "code"]
    path: str


class UncacheableError(Exception):
    """An input cannot be cached: it is too large, a device, a link to elsewhere, or a recipe in Python."""


class Snapshot:
    """Digests of inputs. Each input is read once."""

    def __init__(self) -> None:
        self._digests: dict[Input, str] = {}
        self._signatures: dict[str, Signature | None] = {}
        self._bytes = 0
        self._settled = True

    def __contains__(self, item: Input) -> bool:
        return item in self._digests

    def digests(self, inputs: Sequence[Input]) -> list[str]:
        """Return the digests of inputs in hex: of names, kinds, modes and contents; "" for a missing input.

        Raises:
            UncacheableError: an input cannot be cached.
        """
        try:
            for item in inputs:
                if item not in self._digests:
                    self._digests[item] = self._digest(item)
        except OSError as error:
            raise UncacheableError(str(error)) from None
        return [self._digests[item] for item in inputs]

    def is_unchanged(self) -> bool:
        """Return whether no input has changed since it was read."""
        return self._settled and all(_signature(path) == before for path, before in self._signatures.items())

    def _digest(self, item: Input) -> str:
        if os.path.realpath(item.path) != item.path:
            raise UncacheableError(f"{item.path} is reached through a link")
        try:
            status = os.lstat(item.path)
        except (FileNotFoundError, NotADirectoryError):
            self._signatures[item.path] = None
            return ""
        if item.kind == "file":
            return self._file(item.path)
        if not stat.S_ISDIR(status.st_mode):
            raise UncacheableError(f"{item.path} is not a folder")
        digest = hashlib.sha256()
        for line in self._folder(item, "", status):
            # Each field with its length, so that fields cannot run into each other.
            digest.update(b"".join(b"%d:%b" % (len(field), field) for field in line) + b"\n")
        return digest.hexdigest()

    def _file(self, path: str) -> str:
        descriptor = os.open(path, _READ)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise UncacheableError(f"{path} is not a file")
            self._record(path, status)
            self._bytes += status.st_size
            if self._bytes > MAX_BYTES:
                raise UncacheableError("too much data")
            digest = hashlib.sha256(b"%o\n" % stat.S_IMODE(status.st_mode))
            while block := os.read(descriptor, max(status.st_size, 1 << 16)):
                digest.update(block)
            return digest.hexdigest()
        finally:
            os.close(descriptor)

    def _folder(self, item: Input, folder: str, status: os.stat_result) -> Iterator[tuple[bytes, ...]]:
        """Yield everything in a folder and below it, in the order of the names."""
        folder_path = posixpath.join(item.path, folder) if folder else item.path
        self._record(folder_path, status)
        if len(self._signatures) > MAX_ENTRIES:
            raise UncacheableError("too many files")
        yield b"folder", os.fsencode(folder), b"%o" % stat.S_IMODE(status.st_mode)
        with os.scandir(folder_path) as unsorted:
            entries = sorted(unsorted, key=lambda entry: entry.name)
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_symlink():
                yield b"link", os.fsencode(path), os.fsencode(self._link(entry.path, path))
            elif entry.is_dir():
                if item.kind == "tree" or entry.name not in ("__pycache__", "_catalogue"):
                    yield from self._folder(item, path, entry.stat(follow_symlinks=False))
            elif item.kind == "tree" or entry.name.endswith(".py"):
                if item.kind == "tree" and entry.name == "recipe.py":
                    raise UncacheableError("a recipe is written in Python")  # its result can depend on anything
                yield b"file", os.fsencode(path), self._file(entry.path).encode()

    def _link(self, path: str, inside: str) -> str:
        """Return the target of a link. A target outside its tree could change unseen, so it is refused."""
        self._record(path, os.lstat(path))
        target = os.readlink(path)  # noqa: PTH115 (Path.readlink() would tidy up the text)
        end = posixpath.normpath(posixpath.join(posixpath.dirname(inside), target))
        if target.startswith("/") or end.split("/")[0] == "..":
            raise UncacheableError(f"{path} is a link to elsewhere")
        return target

    def _record(self, path: str, status: os.stat_result) -> None:
        self._signatures[path] = _signed(status)
        margin = _FINE_NS if status.st_ctime_ns % 1_000_000 else _COARSE_NS
        if status.st_ctime_ns > time.time_ns() - margin:
            self._settled = False


def _signature(path: str) -> Signature | None:
    try:
        return _signed(os.lstat(path))
    except OSError:
        return None


def _signed(status: os.stat_result) -> Signature:
    return (status.st_dev, status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
