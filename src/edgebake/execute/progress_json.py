"""Progress for programs: one JSON object a line. docs/progress.md describes them."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TextIO

from edgebake.execute.events import BuildStep, EventReader
from edgebake.execute.modes import Modes
from edgebake.execute.progress import HEARTBEAT, Progress
from edgebake.execute.rows import Row

if TYPE_CHECKING:
    from edgebake.execute.builders import Work
    from edgebake.execute.failures import Failure
    from edgebake.execute.pool import Job

VERSION = 1


class JsonLines(Progress):
    """Writes a line for each thing that happens.

    Args:
        stream: where to write.
        heartbeat: seconds after which what runs is told again.
    """

    def __init__(self, stream: TextIO, *, heartbeat: float = HEARTBEAT) -> None:
        super().__init__()
        self._stream = stream
        self._heartbeat = heartbeat
        self._last = time.monotonic()
        self._told: set[tuple[str, bool]] = set()

    def work(self, work: Sequence[Work], modes: Modes) -> None:
        super().work(work, modes)
        for one in work:
            self._tell("platform", **one.as_data())

    def began(self, job: Job, events: EventReader) -> None:
        super().began(job, events)
        self._tell("begin", **_job(job))

    def ended(self, job: Job, failure: Failure | None) -> None:
        super().ended(job, failure)
        outcome = {"outcome": "failed", "reason": failure.short} if failure else {"outcome": "done", "reason": ""}
        self._tell("end", **_job(job), **outcome)

    def update(self, events: EventReader, ended: list[BuildStep]) -> None:
        for step in ended:
            if not step.is_internal and (step.digest, step.cached) not in self._told:
                self._told.add((step.digest, step.cached))
                self._tell("step", **self._facts(step))

    def tick(self) -> None:
        if time.monotonic() - self._last >= self._heartbeat:
            for row in self._rows:
                if row.state == "running":
                    self._tell("running", **self._row(row))
            self._last = time.monotonic()

    def retry(self, number: str, seconds: float, reason: str) -> None:
        self._tell("retry", attempt=number, seconds=round(seconds, 1), reason=reason)

    def close(self) -> None:
        super().close()
        self._told.clear()

    def _facts(self, step: BuildStep) -> dict[str, Any]:
        rows = [row for row in self._rows if step.digest in row.steps]
        platforms = sorted({row.platform for row in rows if row.platform})
        return {
            "digest": step.digest,
            "stage": step.stage,
            "name": step.name,
            "bake_targets": sorted({row.bake_target for row in rows}),
            "platforms": platforms,
            "mode": self._modes.of(step, platforms),
            "seconds": round(step.seconds, 3),
            "cached": step.cached,
            "error": step.error,
        }

    def _row(self, row: Row) -> dict[str, Any]:
        step = row.current
        return {
            "bake_target": row.bake_target,
            "platform": row.platform,
            "seconds": round(row.seconds, 1),
            "cached": row.cached,
            "built": row.built,
            "step": step.name if step else "",
            "step_seconds": round(time.monotonic() - step.seen, 1) if step else 0.0,
        }

    def _tell(self, event: str, **facts: Any) -> None:
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"version": VERSION, "time": now, "event": event, **facts}
        self._stream.write(f"{json.dumps(line, ensure_ascii=False)}\n")
        self._stream.flush()
        self._last = time.monotonic() if event != "running" else self._last


def _job(job: Job) -> dict[str, Any]:
    invocation = job.invocation
    return {
        "bake_targets": list(invocation.bake_targets),
        "platforms": list(invocation.platforms),
        "attempt": job.attempt,
    }
