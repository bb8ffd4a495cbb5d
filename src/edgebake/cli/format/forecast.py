"""How long a plan will take, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgebake.plan.changes import StageChange
from edgebake.plan.forecast import Forecast, Task
from edgebake.text.duration import format_duration
from edgebake.text.words import some

_MAX_SHOWN = 4
_LEAST = 0.02
"""Of the critical path: what saves less is not worth a word."""


def forecast_lines(found: Forecast) -> Iterator[str]:
    """Yield a forecast in a few lines."""
    path, work = _duration(found.path_seconds), _duration(found.work_seconds)
    at_once = f"{found.parallelism:.1f} stages at once as in the last bake"
    yield f"about {_duration(found.expected_seconds)}: {work} of work, {at_once}; no machine needs less than {path}"
    yield f"critical path: {' → '.join(_steps(found))}"
    worth = [
        f"{name} (up to {_duration(seconds)} less)"
        for name, seconds in found.saved.items()
        if seconds >= _LEAST * found.path_seconds
    ]
    if worth:
        yield f"worth making faster: {', '.join(worth)}"
    if found.elsewhere:
        sources = sorted({found.measured[t].source for t in found.tasks if t in found.measured} - {""})
        yield f"{_some(found.elsewhere)}: measured only on {', '.join(sources)}"
    if found.unknown:
        yield f"{_some(found.unknown)}: never measured, counted as nothing"


def _steps(found: Forecast) -> Iterator[str]:
    """Yield the critical path's stages with their times; those that take next to none of it are counted."""
    shown = [task for task in found.path if task in found.measured and found.measured[task].seconds]
    light = [task for task in shown if found.measured[task].seconds < _LEAST * found.path_seconds]
    for task in shown:
        if task not in light:
            seconds, where = found.measured[task].seconds, _where(found, task)
            yield f"{found.tasks[task].name} {_duration(seconds)}{where}"
    if light:
        seconds = sum(found.measured[task].seconds for task in light)
        yield f"{len(light)} more {_duration(seconds)}"


def _where(found: Forecast, task: Task) -> str:
    change = found.tasks[task]
    if found.measured[task].emulated and not change.node.native:
        return f" ({change.platform}, emulated)"
    several = len({one.platform for one in found.tasks.values()}) > 1
    return f" ({change.platform})" if several and task[1] and not change.node.native else ""


def _some(changes: Sequence[StageChange]) -> str:
    return some(list(dict.fromkeys(change.name for change in changes)), _MAX_SHOWN)


def _duration(seconds: float) -> str:
    """Return seconds as exact as it is of use."""
    return format_duration(round(seconds, 1) if seconds < 10 else float(round(seconds)))
