"""Which steps of a build really ran, read from BuildKit's raw progress by nothing of edgebake's."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime

SHORTEST = {"RUN": 0.02, "COPY": 0.001, "ADD": 0.001}
"""Seconds. What takes less did not run: BuildKit has found an equal step that runs for another stage, and waits for that
one's result (edges are merged). It tells of such a step as completed, not as cached. Seen on two busy cores: up to 4 ms
for a RUN that waited, and never less than 300 ms for one that started a container."""

_NAME = re.compile(r"\[(?:\S+ )*?(?:linux/(\S+) )?(?:(\S+) )?\d+/\d+\] (RUN|COPY|ADD) ")


@dataclass(frozen=True)
class Step:
    """A step that BuildKit executed; times are seconds since the epoch.

    `platform` is the one that the step works for: in `linux/amd64->arm64` the second; "" where a build has only one,
    which its steps do not tell. A step that several stages share has one of their names here.
    """

    digest: str
    stage: str
    platform: str
    instruction: str
    started: float
    completed: float


def stages_that_ran(rawjson: str) -> set[tuple[str, str]]:
    """Return (stage, platform) of every step that BuildKit executed and did not take from its cache."""
    return {(step.stage, step.platform) for step in steps_that_ran(rawjson)}


def steps_that_ran(rawjson: str) -> list[Step]:
    """Return every step that BuildKit executed and did not take from its cache, under each of its names."""
    names: dict[str, set[str]] = {}
    ran: dict[str, bool] = {}
    times: dict[str, tuple[float, float]] = {}
    for line in rawjson.splitlines():
        if not line.startswith("{"):
            continue
        for vertex in json.loads(line).get("vertexes") or []:
            digest = vertex["digest"]
            names.setdefault(digest, set()).add(vertex.get("name", ""))
            if vertex.get("completed"):
                times[digest] = (_seconds(vertex["started"]), _seconds(vertex["completed"]))
                ran[digest] = not vertex.get("cached", False)
    found = {}
    for digest, executed in ran.items():
        for name in sorted(names[digest]) if executed else ():
            match = _NAME.match(name)
            if match and times[digest][1] - times[digest][0] >= SHORTEST[match[3]]:
                platform = "linux/" + match[1].split("->")[-1] if match[1] else ""
                stage = match[2] or ""  # a Dockerfile of one stage does not tell its name
                found[digest, stage, platform] = Step(digest, stage, platform, match[3], *times[digest])
    return list(found.values())


def _seconds(text: str) -> float:
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction or 0}")
