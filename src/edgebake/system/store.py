"""A folder of small values by name: written atomically, limited in size, and never a cause of failure."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

MAX_BYTES = 64_000_000
MAX_FILES = 200


class Store:
    """Stores JSON values by name. The least recently used values are removed first.

    A value that is unreadable or damaged counts as missing. A value that cannot be written (full disk, read-only
    folder) is not stored. Several processes can use the folder at once: each sees complete values only.

    Args:
        folder: the folder; created when a value is stored. A folder that others can write to is not used.
        max_bytes: the maximum size of the folder.
        max_files: the maximum number of values.
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._max_files = max_files

    def get(self, name: str) -> Any:
        """Return the value of this name; None if it is missing."""
        path = self._folder / name
        try:
            if not self._is_own():
                return None
            digest, _, content = path.read_bytes().partition(b"\n")
            if hashlib.sha256(content).hexdigest().encode() != digest:
                return None
            value = json.loads(content)
        except (OSError, ValueError, RecursionError):
            return None
        with suppress(OSError):
            os.utime(path)  # recently used
        return value

    def put(self, name: str, value: Any) -> None:
        """Store a value under a name, if possible."""
        content = json.dumps(value, separators=(",", ":")).encode()
        if len(content) > self._max_bytes // 2:
            return
        temporary = self._folder / f"{name}.{os.getpid()}.new"
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._is_own():
                return
            try:
                temporary.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
                temporary.replace(self._folder / name)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
            self._make_room()

    def _is_own(self) -> bool:
        """Return whether the folder belongs to the user, and nobody else can write to it."""
        try:
            status = self._folder.lstat()
        except FileNotFoundError:
            return False
        writable = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not writable

    def _make_room(self) -> None:
        """Remove the least recently used values until the rest is within the limits."""
        files = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    files.append((status.st_mtime_ns, entry.path, status.st_size))
        left = self._max_bytes
        for number, (_, path, size) in enumerate(sorted(files, reverse=True)):
            left -= size
            if number >= self._max_files or left < 0:
                with suppress(OSError):
                    Path(path).unlink()


# ── where stores are

VARIABLE = "EDGEBAKE_COMPILE_CACHE"
"""The environment variable that names a folder for cached answers, or turns caches off."""
OFF = "off"


def user_store(kind: str, max_files: int = MAX_FILES) -> Store | None:
    """Return the user's store for a kind of value; None if caches are turned off, or the user has no folder.

    Args:
        kind: the name of the store's folder. `answers` has the folder itself that the environment names.
        max_files: the maximum number of values.
    """
    folder = os.environ.get(VARIABLE, "")
    if folder == OFF:
        return None
    if folder:
        named = Path(folder).absolute()
        return Store(named if kind == "answers" else named / kind, max_files=max_files)
    # A relative path is ignored: https://specifications.freedesktop.org/basedir-spec
    folders = [os.environ.get("XDG_CACHE_HOME", ""), f"{os.environ.get('HOME', '')}/.cache"]
    base = next((path for path in folders if path.startswith("/")), None)
    return Store(Path(base) / "edgebake" / kind, max_files=max_files) if base else None
