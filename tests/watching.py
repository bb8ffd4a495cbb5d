"""Bakes told to what watches them: events as Buildx writes them, without a Buildx."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from edgebake.execute.events import EventReader
from edgebake.execute.failures import Failure
from edgebake.execute.invocation import Invocation
from edgebake.execute.runner import Ended, Job

AMD64, ARM64 = "linux/amd64", "linux/arm64"
ZERO = datetime(2026, 11, 21, 1, 0, tzinfo=timezone.utc).timestamp()


def job(*bake_targets: str, platforms: Sequence[str] = (AMD64, ARM64), attempt: int = 1) -> Job:
    return Job(Invocation(dict.fromkeys(bake_targets, platforms), [], {}, {}), attempt)


def ended(job: Job, events: EventReader, *failures: Failure) -> Ended:
    return Ended(job, events, {}, failures)


def at(seconds: float) -> str:
    """Return a moment as BuildKit writes it."""
    return (
        datetime.fromtimestamp(ZERO + seconds, timezone.utc)
        .isoformat(timespec="microseconds")
        .replace("+00:00", "Z")
    )


def vertex(
    digest: str,
    name: str,
    start: float | None = None,
    end: float | None = None,
    inputs: Sequence[str] = (),
    **more: Any,
) -> str:
    """Return an event of one vertex, whose times are seconds."""
    times = {"started": start, "completed": end}
    told = {key: at(value) for key, value in times.items() if value is not None}
    return json.dumps({"vertexes": [{"digest": digest, "name": name, "inputs": list(inputs), **told, **more}]})


def told(*lines: str, names: Sequence[str] = ("app",), platforms: Sequence[str] = (AMD64, ARM64)) -> EventReader:
    """Return a reader that was told events of an invocation for so many bake targets."""
    reader = EventReader(dict.fromkeys(names, platforms))
    for line in lines:
        reader.feed(line)
    return reader
