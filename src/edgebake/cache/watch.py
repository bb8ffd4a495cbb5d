"""What a process looks at while it makes an answer, as the interpreter itself reports it (PEP 578)."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Sequence
from typing import Any

from edgebake.cache.snapshot import Place

_LOOKS = frozenset({"open", "os.listdir", "os.scandir"})
_ELSEWHERE = frozenset(
    {
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.system",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.sendto",
        "subprocess.Popen",
        "urllib.Request",
    }
)
_CODE = (".py", ".pyc", ".so")


class Watch:
    """Notes the files that are opened to be read, and whether anything else than files is asked.

    A guard beside :func:`edgebake.cache.entries.places_of`: what was read and is not listed there cannot make an
    answer stale, as none is kept then. It sees no mere look whether a file is there.
    """

    def __init__(self) -> None:
        self._paths: set[str] = set()
        self._elsewhere = False
        self._on = True
        sys.addaudithook(self._hear)

    def stop(self) -> None:
        """Note nothing any more."""
        self._on = False

    def strangers(self, places: Sequence[Place]) -> list[str]:
        """Return what was opened and is in none of these places, nor part of Python; sorted."""
        folders = tuple(f"{place.path}/" for place in places if place.kind != "file")
        # Where modules are looked for is listed by imports.
        known = {place.path for place in places} | {os.devnull} | set(map(os.path.abspath, sys.path))
        libraries = tuple(f"{path}/" for path in sysconfig.get_paths().values())
        found = [
            path
            for path in map(os.path.abspath, self._paths)
            if path not in known and not path.startswith((*folders, *libraries)) and not path.endswith(_CODE)
        ]
        return sorted([*found, *(["another process, or the network"] if self._elsewhere else [])])

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on:
            return
        if event in _LOOKS:
            writes = event == "open" and arguments[2] & os.O_ACCMODE == os.O_WRONLY
            if isinstance(arguments[0], str) and not writes:
                self._paths.add(arguments[0])
        elif event in _ELSEWHERE:
            self._elsewhere = True
