"""Locks of a checkout: what must not run twice in one project waits, and says for what."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.system.own_files import open_regular, own_path, read_regular
from edgebake.text.duration import format_duration

STATE_FOLDER = ".edgebake"  # one for a project, next to its edgebake.yaml; never committed
DEFAULT_WAIT = 600.0
"""Seconds to wait for another process."""
_TICK = 0.1  # seconds


def state_folder(root: Path) -> Path:
    """Return the folder of a project's state, which git ignores; it is made if need be.

    Raises:
        EdgebakeError: it is a link, or cannot be made.
    """
    folder = own_path(root, f"{STATE_FOLDER}/.gitignore").parent
    try:
        folder.mkdir(exist_ok=True)
        with suppress(FileExistsError):
            new = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(open_regular(folder / ".gitignore", new), "wb") as file:
                file.write(b"*\n")
    except OSError as error:
        raise EdgebakeError(f"cannot write to {STATE_FOLDER}", reason=error.strerror) from error
    return folder


@dataclass(frozen=True)
class CheckoutLock:
    """How a command waits for others in the same checkout.

    Attributes:
        command: what holds the lock, for those that wait ("edgebake bake").
        wait: seconds to wait; 0 to fail at once.
        report: called once with what is waited for.
    """

    command: str = "edgebake"
    wait: float = DEFAULT_WAIT
    report: Callable[[str], None] = lambda text: None

    @contextmanager
    def held(self, root: Path, name: str = "lock") -> Iterator[None]:
        """Hold a lock of a project. The system frees it however the process ends.

        Args:
            root: the project's folder.
            name: the file in the folder of the project's state.

        Raises:
            EdgebakeError: another process holds it for too long, or it cannot be written.
        """
        try:
            path = state_folder(root) / name
            # Not for reading: what a command reads decides whether its output is cached.
            file = os.fdopen(open_regular(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "a", encoding="utf-8")
        except OSError as error:
            raise EdgebakeError(f"cannot write to {STATE_FOLDER}/{name}", reason=error.strerror) from error
        with file:
            self._acquire(file, path)
            _write_holder(file, self.command)
            try:
                yield
            finally:
                file.truncate(0)

    def _acquire(self, file: IO[str], path: Path) -> None:
        end, reported = time.monotonic() + self.wait, False
        while not _lock(file):
            holder = _holder(path)
            if time.monotonic() >= end:
                waited = f"gave up after {format_duration(self.wait)}: " if self.wait else ""
                raise EdgebakeError(
                    f"{waited}another edgebake is at work in this checkout",
                    reason=f"{holder} holds {STATE_FOLDER}/{path.name}",
                    hints=("wait until it ends, or stop it", "to wait longer: --lock-timeout 2h"),
                )
            if not reported:
                self.report(f"waiting for {holder}")
                reported = True
            time.sleep(_TICK)


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_holder(file: IO[str], command: str) -> None:
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    file.truncate(0)
    file.write(json.dumps({"command": command, "pid": os.getpid(), "since": since}))
    file.flush()


def _holder(path: Path) -> str:
    """Return who holds a lock, as far as its file says so."""
    try:
        facts = json.loads(read_regular(path)[:400])
        command, pid, since = str(facts["command"]), int(facts["pid"]), datetime.fromisoformat(facts["since"])
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
    name = command if command.isprintable() else "edgebake"
    return f"`{name}` (process {pid}, since {since:%Y-%m-%d %H:%M:%S})"
