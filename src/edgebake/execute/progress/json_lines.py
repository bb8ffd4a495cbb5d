"""Progress for programs: one JSON object a line (docs/progress.md)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal, TextIO

from edgebake.execute.events import BuildStep, EventReader
from edgebake.execute.modes import Modes
from edgebake.execute.progress.base import HEARTBEAT, Lines, Row
from edgebake.model.output import progress as output
from edgebake.text.printable import escaped

if TYPE_CHECKING:
    from edgebake.execute.runner import Ended, Job
    from edgebake.model.output.plan import PlatformWork


class JsonLines(Lines):
    """Writes a line for each event."""

    def __init__(self, stream: TextIO, *, heartbeat: float = HEARTBEAT) -> None:
        super().__init__(stream, heartbeat=heartbeat)
        self._ended: set[tuple[str, bool]] = set()

    def work(self, work: Sequence[PlatformWork], modes: Modes) -> None:
        super().work(work, modes)
        for platform_work in work:
            self._write(output.PlatformEvent(version=1, time=_now(), event="platform", **dict(platform_work)))

    def began(self, job: Job, events: EventReader) -> None:
        super().began(job, events)
        self._write(output.BeginEvent(version=1, time=_now(), event="begin", **_facts(job)))

    def ended(self, ended: Ended) -> None:
        super().ended(ended)
        outcome: Literal["done", "failed"] = "failed" if ended.failures else "done"
        reason = ended.failures[0].short if ended.failures else ""
        facts = {**_facts(ended.job), "done": ended.done}
        self._write(output.EndEvent(version=1, time=_now(), event="end", outcome=outcome, reason=reason, **facts))

    def update(self, events: EventReader, ended: list[BuildStep]) -> None:
        for step in ended:
            if not step.internal and (step.digest, step.cached) not in self._ended:
                self._ended.add((step.digest, step.cached))
                self._write(self._step(step))

    def _running(self) -> Iterable[str]:
        return (_running(row).model_dump_json() for row in self._rows if row.state == "running")

    def retry(self, number: str, seconds: float, reason: str) -> None:
        facts = {"attempt": number, "seconds": round(seconds, 1), "reason": reason}
        self._write(output.RetryEvent(version=1, time=_now(), event="retry", **facts))

    def close(self) -> None:
        super().close()
        self._ended.clear()

    def _step(self, step: BuildStep) -> output.StepEvent:
        return output.StepEvent(
            version=1,
            time=_now(),
            event="step",
            digest=step.digest,
            stage=step.stage,
            name=step.name,
            bake_targets=sorted({name for name, _ in step.rows}),
            platforms=sorted({platform for _, platform in step.rows}),
            mode=self._modes.of(step),
            seconds=round(step.seconds, 3),
            cached=step.cached,
            error=step.error,
        )

    def _write(self, line: output.Line) -> None:
        self._line(escaped(line.model_dump_json()))


def _facts(job: Job) -> dict[str, Any]:
    names, platforms = list(job.invocation.bake_targets), job.invocation.platforms
    return {"bake_targets": names, "platforms": platforms, "attempt": job.attempt}


def _running(row: Row) -> output.RunningEvent:
    step = row.current
    return output.RunningEvent(
        version=1,
        time=_now(),
        event="running",
        bake_target=row.bake_target,
        platform=row.platform,
        seconds=round(row.seconds, 1),
        cached=row.cached,
        built=row.built,
        step=step.name if step else "",
        step_seconds=round(time.monotonic() - step.seen, 1) if step else 0.0,
    )


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
