"""The journal: what bakes began, finished and failed to do, one JSON object a line, kept beside the project.

Lines are only ever added. Each is written in one piece and is on the disk before the next thing happens, so a
process that is killed loses at most the line that it was writing; a line that is torn is not read.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import ConfigDict
from typing_extensions import Required, TypedDict

from edgebake.errors import EdgebakeError, Position
from edgebake.model.decoding import decode
from edgebake.system.atomic import write_file
from edgebake.system.checkout import state_folder
from edgebake.system.own_files import open_regular, read_own

JOURNAL_FILE = ".edgebake/journal.jsonl"
VERSION = 2
LIMIT = 4 << 20
"""Bytes from which on a new run first leaves out what nobody needs any more."""

MOST = 256 << 20
"""Bytes of the largest journal that is read."""
_APPEND = os.O_RDWR | os.O_CREAT | os.O_APPEND

Entry = Mapping[str, Any]
Keep = Callable[[list[Entry]], Iterable[Entry]]
"""Chooses what stays in a journal that has grown too large."""


class _Stage(TypedDict):
    own: str
    digest: str
    parents: dict[str, str]
    parts: dict[str, str]


class _Line(TypedDict, total=False):
    """What a line holds: all that is read of any event."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]  # what later versions add

    v: Required[Literal[2]]
    event: Required[str]
    run: str
    at: str
    resumes: list[str]
    outcome: str
    kept: int
    bake_target: str
    platforms: list[str]
    output: str
    inputs: str
    tests: str
    references: dict[str, str]
    ids: list[str]
    seconds: float
    steps: dict[str, float]
    built: dict[str, dict[str, _Stage]]
    work: float
    targets: dict[str, dict[str, float]]
    emulated: list[str]


def read_entries(root: Path) -> list[Entry]:
    """Return the entries of a project's journal, the oldest first; none of what is torn, damaged or of another
    version.
    """
    try:
        text = read_own(root, JOURNAL_FILE, MOST) or b""
    except (OSError, EdgebakeError):
        return []
    return [entry for line in text.splitlines() if (entry := _parse(line)) is not None]


def _parse(line: bytes) -> Entry | None:
    try:
        return cast(Entry, decode(_Line, line))
    except ValueError:
        return None


class Journal:
    """Adds to the journal of the project whose folder is `root`; several processes may do so at once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = root / JOURNAL_FILE

    def add(self, event: str, **facts: Any) -> None:
        """Add a line, and see that it is on the disk.

        Raises:
            EdgebakeError: it cannot be written.
        """
        line = _line({"v": VERSION, "event": event, **facts})
        try:
            with self._locked(), os.fdopen(open_regular(self._path, _APPEND), "ab+") as file:
                file.write(b"\n" + line if _is_torn(file.fileno()) else line)
                file.flush()
                os.fsync(file.fileno())
        except (OSError, EdgebakeError) as error:
            hints = ("what was built stays built; free space or fix the permissions, and bake again",)
            reason = error.strerror if isinstance(error, OSError) else f"{error.message} ({error.reason})"
            message = f"cannot write the journal: {reason}"
            raise EdgebakeError(message, at=Position(str(self._path)), hints=hints) from None

    def shrink(self, keep: Keep, limit: int = LIMIT) -> None:
        """Leave out what is not needed, if the journal has outgrown twice what was kept last (and `limit`)."""
        if not self._path.is_file() or self._path.stat().st_size <= limit:
            return
        with self._locked():
            size, entries = self._path.stat().st_size, read_entries(self._root)
            kept = next((int(entry.get("kept", 0)) for entry in entries if entry["event"] == "shrunk"), 0)
            if size <= max(limit, 2 * kept):
                return
            lines = [_line(entry) for entry in keep(entries) if entry["event"] != "shrunk"]
            head = _line({"v": VERSION, "event": "shrunk", "kept": sum(map(len, lines))})
            write_file(self._path, b"".join([head, *lines]))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep others out. The lock is a file of its own, as the journal is replaced when it shrinks."""
        lock_file = state_folder(self._root) / "journal.lock"
        with os.fdopen(open_regular(lock_file, _APPEND), "ab+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _line(entry: Entry) -> bytes:
    return json.dumps(entry, separators=(",", ":")).encode() + b"\n"


def _is_torn(descriptor: int) -> bool:
    """Tell whether the last line of a file has no end."""
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
