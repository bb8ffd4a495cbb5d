"""The files that a command reads, as reported by the interpreter's audit hooks (PEP 578)."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Sequence
from typing import Any

from edgebake.cache.snapshot import Input

_READS = frozenset({"open", "os.listdir", "os.scandir"})
_ELSEWHERE: tuple[str, ...] = ("os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen")
_ELSEWHERE += ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "urllib.Request")
_CODE = (".py", ".pyc", ".so")


class Watch:
    """Records the files that are read, and whether processes or the network are used.

    It guards :func:`edgebake.cache.entries.inputs_of`: if a command reads something that is not listed there, its
    output is not cached, so it cannot become stale. It does not see checks whether a file exists.
    """

    def __init__(self) -> None:
        self._paths: set[str] = set()
        self._elsewhere = False
        self._on = True
        sys.addaudithook(self._record)

    def stop(self) -> None:
        """Stop recording."""
        self._on = False

    def unexpected(self, inputs: Sequence[Input]) -> list[str]:
        """Return what was read and is not in these inputs, nor a part of Python; sorted."""
        folders = tuple(f"{item.path}/" for item in inputs if item.kind != "file")
        # Imports list the folders in sys.path.
        expected = {item.path for item in inputs} | {os.devnull} | set(map(os.path.abspath, sys.path))
        libraries = tuple(f"{path}/" for path in sysconfig.get_paths().values())
        unexpected = [
            path
            for path in map(os.path.abspath, self._paths)
            if path not in expected and not path.startswith((*folders, *libraries)) and not path.endswith(_CODE)
        ]
        return sorted([*unexpected, *(["another process, or the network"] if self._elsewhere else [])])

    def _record(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on:
            return
        if event in _READS:
            writes = event == "open" and arguments[2] & os.O_ACCMODE == os.O_WRONLY
            if isinstance(arguments[0], str) and not writes:
                self._paths.add(arguments[0])
        elif event.startswith(_ELSEWHERE):
            self._elsewhere = True
