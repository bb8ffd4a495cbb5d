"""A running `docker buildx bake`: started, read as it goes, stopped."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

from edgebake.execute.events import BuildStep, EventReader
from edgebake.execute.invocation import Invocation

GRACE = 10.0
"""Seconds that Buildx has for stopping what it was doing."""
_TICK = 0.25  # seconds
_CHUNK = 1 << 16

# Buildx would ask the builder for each result's provenance, and put it into the metadata, where nobody reads it: up
# to a second for each bake target. What is attested to images has nothing to do with it.
_ENVIRONMENT = {"BUILDX_METADATA_PROVENANCE": "disabled"}


class BakeProcess:
    """A bake, which begins at once. `events` has what it has reported so far."""

    def __init__(self, invocation: Invocation) -> None:
        self.events = EventReader(invocation.bake_targets)
        self._folder = tempfile.TemporaryDirectory(prefix="edgebake-")
        self._metadata = Path(self._folder.name) / "metadata.json"
        self._process = subprocess.Popen(
            [*_tied_to_us(), *invocation.command(self._metadata)],
            env={**_ENVIRONMENT, **os.environ, **invocation.variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert self._process.stderr is not None
        self._stream = self._process.stderr
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._stream, selectors.EVENT_READ)
        self._rest = b""

    def read(self) -> list[BuildStep] | None:
        """Wait a moment for what it reports; return the steps that have ended since, None when it is at its end."""
        if not self._selector.select(_TICK):
            return []
        data = os.read(self._stream.fileno(), _CHUNK)
        *lines, self._rest = (self._rest + data).split(b"\n") if data else (self._rest, b"")
        ended = [step for line in lines for step in self.events.feed(line.decode("utf-8", "replace"))]
        return ended if data else None

    def stop(self) -> list[BuildStep]:
        """Ask it to stop, which makes Buildx cancel what it asked BuildKit for; kill it if it does not in time.

        Returns:
            The steps that have ended since.
        """
        ended, end = [], time.monotonic() + GRACE
        try:
            self._process.send_signal(signal.SIGINT)
            while (steps := self.read()) is not None:
                ended += steps
                if time.monotonic() >= end:
                    self._kill()
        except BaseException:  # a second interrupt
            self._kill()
            raise
        return ended

    def finish(self) -> tuple[int, dict[str, Any]]:
        """Wait for its end; return the exit code, and Buildx's metadata by bake target."""
        self._selector.close()
        self._stream.close()
        code = self._process.wait()
        with self._folder:
            found = json.loads(self._metadata.read_text(encoding="utf-8")) if self._metadata.is_file() else {}
        return code, found

    def _kill(self) -> None:
        """Kill it and what it started (Buildx is a program of its own, a child of `docker`)."""
        for pid in [*_children(self._process.pid), self._process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@cache
def _tied_to_us() -> tuple[str, ...]:
    """Return a command that makes another one end with this process, even by `kill -9`; () where there is none.

    setpriv is part of util-linux, so every Debian and Ubuntu has it; see prctl(2), PR_SET_PDEATHSIG.
    """
    program = shutil.which("setpriv") if sys.platform == "linux" else None
    if program is None:
        return ()
    options = subprocess.run([program, "--help"], capture_output=True, text=True, check=False).stdout
    return (program, "--pdeathsig", "TERM") if "--pdeathsig" in options else ()


def _children(pid: int) -> list[int]:
    """Return the ids of a process's children, and theirs (Linux)."""
    try:
        found = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []
    return [each for child in found for each in (*_children(child), child)]
