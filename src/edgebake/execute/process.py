"""One running `docker buildx bake`: started, read as it goes, stopped."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from edgebake.execute.events import BuildStep, EventReader
from edgebake.execute.invocation import Invocation

_CHUNK = 1 << 16

# Buildx would ask the builder for each result's provenance, and put it into the metadata, where nobody reads it: up
# to a second for each bake target. What is attested to images has nothing to do with it.
_ENVIRONMENT = {"BUILDX_METADATA_PROVENANCE": "disabled"}


class BakeProcess:
    """Starts a bake. Its standard error is not waited for: read it when `descriptor` is readable.

    Args:
        invocation: what to bake.

    Attributes:
        invocation: what it was started for.
        events: what it told so far.
        descriptor: where its events come from.
    """

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.events = EventReader()
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
        self.descriptor = self._stream.fileno()
        self._rest = b""

    def read(self) -> list[BuildStep] | None:
        """Take what is there; return the steps that it ended, None at the end of all."""
        data = os.read(self.descriptor, _CHUNK)
        *lines, self._rest = (self._rest + data).split(b"\n") if data else (self._rest, b"")
        ended = [step for line in lines for step in self.events.feed(line.decode("utf-8", "replace"))]
        return ended if data else None

    def finish(self) -> tuple[int, dict[str, Any]]:
        """Wait for its end; return the exit code, and Buildx's metadata by bake target."""
        self._stream.close()
        code = self._process.wait()
        with self._folder:
            found = json.loads(self._metadata.read_text(encoding="utf-8")) if self._metadata.is_file() else {}
        return code, found

    def interrupt(self) -> None:
        """Ask it to stop. Buildx cancels what it asked BuildKit for."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Stop it and what it started (Buildx is a program of its own, a child of `docker`)."""
        for pid in [*_children(self._process.pid), self._process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@cache
def _tied_to_us() -> tuple[str, ...]:
    """Return the words that let a program end when this one does, be it by `kill -9`; none where there are none.

    setpriv is part of util-linux, so every Debian and Ubuntu has it; see prctl(2), PR_SET_PDEATHSIG.
    """
    program = shutil.which("setpriv") if sys.platform == "linux" else None
    if program is None:
        return ()
    told = subprocess.run([program, "--help"], capture_output=True, text=True, check=False).stdout
    return (program, "--pdeathsig", "TERM") if "--pdeathsig" in told else ()


def _children(pid: int) -> list[int]:
    """Return the ids of a process's children, and theirs (Linux)."""
    try:
        found = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []
    return [one for child in found for one in (*_children(child), child)]
