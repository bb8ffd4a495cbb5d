"""A bake as a page: when each step ran and where, and the chain that decided how long all took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from itertools import accumulate, chain
from pathlib import Path
from typing import Any, Literal

from edgebake.dataclasses import dataclass
from edgebake.execute.events import BuildStep
from edgebake.execute.modes import Modes, StepMode
from edgebake.execute.recording import Ran, Recording
from edgebake.plan.critical_path import critical_path
from edgebake.templating.pages import render_page
from edgebake.text.words import counted

State = Literal["done", "cached", "failed", "cancelled", "unfinished"]
_BUILDKIT = ("BuildKit", "")
_OUTCOMES = {"done": "all was done", "failed": "it failed", "interrupted": "it was interrupted"}
_NEAR = 0.005  # seconds; the engine's clock has it that what waits may begin a little early


@dataclass(eq=False)
class Mark:
    """A step in the drawing. Times are seconds since the bake began.

    Attributes:
        run: the number of its invocation.
        step: what BuildKit reported.
        rows: bake target and platform, of all that it was for.
        start: when it began.
        end: when it ended, or when all was stopped.
        state: its result.
        mode: where it ran.
        needs: what it waited for.
    """

    run: int
    step: BuildStep
    rows: list[tuple[str, str]]
    start: float
    end: float
    state: State
    mode: StepMode
    needs: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """A name that no other step has: one can be in several invocations."""
        return f"{self.run} {self.step.digest}"

    @property
    def seconds(self) -> float:
        """How long it ran; nothing if it was in the cache."""
        return 0.0 if self.state == "cached" else self.end - self.start


def timeline_page(root: Path, recording: Recording, modes: Modes, outcome: str) -> str:
    """Return the page of a bake.

    Args:
        root: the project's folder.
        recording: what ran.
        modes: how the work was done.
        outcome: `done`, `failed` or `interrupted`.
    """
    data = timeline_data(recording, modes)
    names = list(dict.fromkeys(name for ran in recording.invocations for name in ran.bake_targets))
    more = f" and {len(names) - 3} more" if names[3:] else ""
    return render_page(
        root,
        "timeline",
        title=f"Timeline: {', '.join(names[:3])}{more}" if names else "Timeline: nothing was built",
        subtitle=f"{counted(len(recording.invocations), 'invocation')} of Buildx · {_OUTCOMES[outcome]}",
        data=data,
    )


def timeline_data(recording: Recording, modes: Modes) -> dict[str, Any]:
    """Return what the page's program draws. Steps are known by their number, in the order of their beginnings."""
    runs = recording.invocations
    zero = min((_began(ran) for ran in runs), default=0.0)
    by_run = [list(_marks(number, ran, zero, modes)) for number, ran in enumerate(runs)]
    _link(runs, by_run)
    marks = sorted(chain(*by_run), key=lambda mark: (mark.start, mark.key))
    path = critical_path({mark.key: mark.seconds for mark in marks}, {mark.key: mark.needs for mark in marks})
    numbers = {mark.key: number for number, mark in enumerate(marks)}
    rows = list(dict.fromkeys(row for mark in marks for row in mark.rows))
    rows.sort(key=lambda row: (row == _BUILDKIT, row))
    return {
        "rows": [
            {"bake_target": name, "platform": platform, "mode": modes.platforms.get(platform, "")}
            for name, platform in rows
        ],
        "runs": [_run(number, ran, zero) for number, ran in enumerate(runs)],
        "steps": [_step(mark, numbers, rows) for mark in marks],
        "critical": [numbers[key] for key in path.nodes],
        "load": _load(marks),
        "totals": {
            "seconds": _rounded(max((_ended(ran) for ran in runs), default=0.0) - zero),
            "work": _rounded(sum(mark.seconds for mark in marks)),
            "critical": _rounded(path.seconds),
            "emulated": _rounded(sum(mark.seconds for mark in marks if mark.mode == "emulated")),
            "cross": _rounded(sum(mark.seconds for mark in marks if mark.mode == "cross")),
            "busy": _rounded(_busy(marks)),
        },
    }


# ── steps as marks


def _began(ran: Ran) -> float:
    """Return when an invocation began, by the engine's clock: steps may be another build's, its own work is not."""
    own = (step.started for step in ran.events.steps.values() if _is_own_work(step) and step.started is not None)
    return min(own, default=ran.began)


def _ended(ran: Ran) -> float:
    ends = [step.completed for step in ran.events.steps.values() if step.completed is not None and not step.cached]
    return max([ran.ended if ran.ended is not None else _began(ran), *ends])


def _marks(number: int, ran: Ran, zero: float, modes: Modes) -> Iterator[Mark]:
    first, last = _began(ran), _ended(ran)
    for step in ran.events.steps.values():
        if step.started is None:
            continue
        state = _state(step)
        # A step may be cached, or another build's: then it began before.
        start = min(max(step.started, first), last)
        end = start if state == "cached" else min(max(step.completed or last, start), last)
        yield Mark(number, step, _rows(step, ran), start - zero, end - zero, state, modes.of(step))


def _state(step: BuildStep) -> State:
    if step.error:
        return "cancelled" if step.cancelled else "failed"
    if step.completed is None:
        return "unfinished"
    return "cached" if step.cached else "done"


def _rows(step: BuildStep, ran: Ran) -> list[tuple[str, str]]:
    return [_BUILDKIT] if _is_own_work(step) else sorted(step.rows) or [(ran.bake_targets[0], "")]


# ── what waited for what


def _link(runs: Sequence[Ran], by_run: Sequence[Sequence[Mark]]) -> None:
    """Set for each mark what it waited for.

    BuildKit reports a step's inputs. Work that it does for all steps has none. Such work counts as prelude
    (definitions, metadata of bases), which the first steps waited for, or as epilogue (exports, provenance),
    which waited for all steps before it. An invocation waited for the one before it. Nothing can wait for itself:
    prelude, steps and epilogue follow each other, and each of them is ordered either by inputs or by time.
    """
    for number, marks in enumerate(by_run):
        known = {mark.step.digest: mark for mark in marks}
        used = {digest for mark in marks for digest in mark.step.inputs}
        own = [mark for mark in marks if _is_own_work(mark.step) and mark.step.digest not in used]
        worked = [m.start for m in marks if not _is_own_work(m.step) and m.state != "cached"]
        prelude = [m for m in own if not m.step.is_export and m.start <= min(worked, default=m.start)]
        last = max(chain(*by_run[:number]), key=lambda mark: (mark.end, mark.key), default=None)
        for mark in marks:
            if mark in prelude:
                found = _ended_before(mark, prelude)
            elif mark in own:
                own_only = mark.step.is_export and len(runs[number].bake_targets) > 1
                names = mark.step.bake_targets if own_only else set()
                found = _ended_before(mark, marks)
                found = [one for one in found if not names or any(name in names for name, _ in one.rows)]
            else:
                found = [known[digest] for digest in mark.step.inputs if digest in known]
                found = found or [one for one in prelude if one.end <= mark.start + _NEAR]
            mark.needs = [one.key for one in (found or ([last] if last else []))]


def _is_own_work(step: BuildStep) -> bool:
    """Tell whether a step is BuildKit's own work (definitions, metadata, exports) and not a stage's."""
    return not step.stage


def _ended_before(mark: Mark, marks: Sequence[Mark]) -> list[Mark]:
    order = (mark.start, mark.key)
    return [one for one in marks if one.end <= mark.start + _NEAR and (one.start, one.key) < order]


# ── figures


def _busy(marks: Iterable[Mark]) -> float:
    """Return the seconds in which anything ran."""
    total, until = 0.0, 0.0
    for mark in sorted(marks, key=lambda mark: mark.start):
        if mark.seconds and mark.end > until:
            total += mark.end - max(mark.start, until)
            until = mark.end
    return total


def _load(marks: Iterable[Mark]) -> list[list[float]]:
    """Return how many steps ran at once: moments, and the number from then on."""
    changes: Counter[float] = Counter()
    for mark in marks:
        if mark.seconds:
            changes[_rounded(mark.start)] += 1
            changes[_rounded(mark.end)] -= 1
    moments = sorted(changes)
    running = accumulate(changes[moment] for moment in moments)
    return [list(pair) for pair in zip(moments, running, strict=True)]


# ── data


def _step(mark: Mark, numbers: dict[str, int], rows: Sequence[tuple[str, str]]) -> dict[str, Any]:
    step = mark.step
    return {
        "text": step.text,
        "names": list(step.names),
        "stage": step.stage,
        "run": mark.run,
        "rows": [rows.index(row) for row in mark.rows],
        "start": _rounded(mark.start),
        "end": _rounded(mark.end),
        "state": mark.state,
        "mode": mark.mode,
        "runs": step.runs,
        "needs": [numbers[key] for key in dict.fromkeys(mark.needs)],
        "error": step.error,
        "log": step.log if step.error else [],
    }


def _run(number: int, ran: Ran, zero: float) -> dict[str, Any]:
    return {
        "number": number + 1,
        "bake_targets": list(ran.bake_targets),
        "platforms": list(ran.platforms),
        "attempt": ran.attempt,
        "outcome": ran.outcome,
        "start": _rounded(_began(ran) - zero),
        "end": _rounded(_ended(ran) - zero),
    }


def _rounded(seconds: float) -> float:
    return round(seconds, 3)
