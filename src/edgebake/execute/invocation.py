"""One invocation of `docker buildx bake`: what goes in, what came of it, and why it failed."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebake.errors import EdgebakeError
from edgebake.execute.events import BuildStep, EventReader

Update = Callable[[EventReader, list[BuildStep]], None]
"""Called with the steps that have ended."""


@dataclass(frozen=True)
class Invocation:
    """The arguments of one bake.

    Attributes:
        bake_targets: their names.
        files: bake files, relative to the working directory.
        overrides: `--set` by key.
        variables: the bake file's variables.
        builder: a Buildx builder; the one in use if None.
        load: load the results into the engine.
        no_cache: build everything again.
    """

    bake_targets: Sequence[str]
    files: Sequence[str]
    overrides: Mapping[str, str]
    variables: Mapping[str, str]
    builder: str | None = None
    load: bool = False
    no_cache: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a bake that succeeded gave: BuildKit's steps, and Buildx's metadata by bake target."""

    events: EventReader
    metadata: Mapping[str, Any]


def invoke(invocation: Invocation, update: Update) -> Outcome:
    """Run one bake.

    Raises:
        EdgebakeError: it failed; with the failing step and its last lines.
    """
    from python_on_whales import DockerClient
    from python_on_whales.exceptions import DockerException

    reader = EventReader()
    with tempfile.TemporaryDirectory(prefix="edgebake-") as folder:
        metadata = Path(folder) / "metadata.json"
        try:
            logs = DockerClient().buildx.bake(
                list(invocation.bake_targets),
                builder=invocation.builder,
                files=list(invocation.files),
                load=invocation.load,
                cache=not invocation.no_cache,
                set=dict(invocation.overrides),
                variables=dict(invocation.variables),
                metadata_file=metadata,
                progress="rawjson",  # type: ignore[arg-type]
                stream_logs=True,
            )
            for line in logs:
                update(reader, reader.feed(str(line)))
        except DockerException as error:
            raise build_error(reader, error.stderr or "") from None
        except KeyboardInterrupt:
            _interrupt_children()
            raise
        found = json.loads(metadata.read_text(encoding="utf-8")) if metadata.is_file() else {}
    return Outcome(reader, found)


def _interrupt_children() -> None:
    """Pass an interrupt on to Buildx, which a terminal has told already and a `kill` has not (Linux)."""
    own = os.getpid()
    try:
        children = Path(f"/proc/{own}/task/{own}/children").read_text(encoding="ascii").split()
    except OSError:
        return
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(int(child), signal.SIGINT)


def build_error(reader: EventReader, stderr: str) -> EdgebakeError:
    """Return a failed bake as an error: the failing step with its last lines, or what Buildx said."""
    step = reader.failed()
    said = [*reader.other, *stderr.strip().splitlines()]
    errors = [line for line in said if "ERROR" in line or "error" in line]
    text = (errors or said or ["no reason"])[-1].removeprefix("ERROR: ")
    if step is None or step.is_internal:
        return EdgebakeError("the bake failed", reason=(step.error if step else "") or text, hints=_hints(text))
    log = "\n".join(step.log) or "(it wrote nothing)"
    return EdgebakeError(
        f"the step failed: {' '.join(step.name.split())}",
        reason=f"{log}\n\n{step.error}",
        hints=_hints(step.error + text),
    )


def _hints(text: str) -> tuple[str, ...]:
    text = text.lower()
    if any(word in text for word in ("denied", "unauthorized", "authorization failed", "authentication required")):
        return ("log in to the registry: docker login",)
    if "connection refused" in text or "no such host" in text:
        return ("see that the registry is up, and that --registry names the right one",)
    if "exec format error" in text:
        return ("the platform is not emulated: install QEMU's binfmt handlers",)
    return ()
