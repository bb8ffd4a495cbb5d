"""A folder of small files by name: written whole or not at all, bounded, and never a reason to fail."""

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
    """Keeps JSON values by name; those that were not used for longest make room.

    What cannot be read, or was damaged, is not there. What cannot be written (a full disk, a folder that may not
    be written to) is not kept. Several processes may use one folder at once: each sees whole values only.

    Args:
        folder: where; made when something is kept. One that others could write to is not used.
        max_bytes: the size that it may have.
        max_files: how many values it may hold.
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._max_files = max_files

    def get(self, name: str) -> Any:
        """Return the value of this name, or None."""
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
            os.utime(path)  # used last
        return value

    def put(self, name: str, value: Any) -> None:
        """Keep a value under a name, if that can be done."""
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
        """Tell whether the folder is the user's, and nobody else can write to it."""
        try:
            status = self._folder.lstat()
        except FileNotFoundError:
            return False
        writable = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not writable

    def _make_room(self) -> None:
        """Remove what was not used for longest, until the rest is within the bounds."""
        found = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    found.append((status.st_mtime_ns, entry.path, status.st_size))
        left = self._max_bytes
        for number, (_, path, size) in enumerate(sorted(found, reverse=True)):
            left -= size
            if number >= self._max_files or left < 0:
                with suppress(OSError):
                    Path(path).unlink()
