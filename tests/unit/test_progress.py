"""Progress as lines, as a table, and as JSON, told the events of bakes."""

from __future__ import annotations

import io
import json
import os
import re
from typing import Any

import pyte
import pytest

from edgebake.execute.builders import work_sentence
from edgebake.execute.events import EventReader
from edgebake.execute.modes import Modes
from edgebake.execute.progress import Mode
from edgebake.execute.progress import table as progress_table
from edgebake.execute.progress.base import Progress
from edgebake.execute.progress.factory import make_progress
from edgebake.execute.progress.json_lines import JsonLines
from edgebake.execute.progress.plain import Plain
from edgebake.execute.progress.table import Table, clock, cut
from edgebake.execute.runner import Job
from edgebake.model.output.plan import PlatformWork
from watching import AMD64, ARM64, ended, job, told, vertex

MODES = Modes({AMD64: "native", ARM64: "emulated"})
WORK = [
    PlatformWork(platform=AMD64, mode="native", node="default", stages_run=2),
    PlatformWork(platform=ARM64, mode="emulated", node="default", stages_run=2),
]
RUNNING = vertex("r", f"[{ARM64} eb-r 1/1] RUN --mount=type=bind,source=x make\nall", 1)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def begun(progress: Progress, *lines: str) -> tuple[Job, EventReader]:
    """Tell that a bake has begun, and what it told so far."""
    one = job("app")
    events = EventReader(one.invocation.bake_targets)
    progress.work(WORK, MODES)
    progress.began(one, events)
    for line in lines:
        progress.update(events, events.feed(line))
    return one, events


def plain(heartbeat: float = 30.0) -> tuple[Plain, io.StringIO]:
    stream = io.StringIO()
    return Plain(stream, heartbeat=heartbeat), stream


def test_plain_tells_what_took_time_once() -> None:
    progress, stream = plain()
    line = vertex("a", f"[{AMD64} eb-a 1/1] RUN a", 1, 3.25)
    short = vertex("b", f"[{AMD64} eb-b 1/1] RUN b", 1, 1.1)
    cached = vertex("c", f"[{AMD64} eb-c 1/1] RUN c", 1, 9, cached=True)
    _, _ = begun(progress, line, line, short, cached)
    begun_again = told()
    progress.update(begun_again, begun_again.feed(line))  # a bake side by side shares the step
    assert stream.getvalue().splitlines() == [
        f"{AMD64}: native on default",
        f"{ARM64}: emulated on default; 2 stages run under QEMU",
        f"✓    2.2s  [{AMD64} eb-a 1/1] RUN a",
    ]
    assert "\x1b" not in stream.getvalue()


def test_plain_breaks_a_long_silence() -> None:
    progress, stream = plain(heartbeat=0.0)
    begun(progress, RUNNING)
    progress.tick()
    assert stream.getvalue().splitlines()[-1] == (
        f"… 0s and running  [{ARM64} eb-r 1/1] RUN --mount=type=bind,source=x make all"
    )
    progress, stream = plain()
    begun(progress, RUNNING)
    progress.tick()
    assert "running" not in stream.getvalue()  # it was told something just now


def test_silence_before_the_first_step_and_in_an_export_is_told_too() -> None:
    progress, stream = plain(heartbeat=0.0)
    begun(progress)
    progress.tick()
    assert stream.getvalue().splitlines()[-1] == "… 0s  waiting for the builder"
    begun(progress, vertex("e", "exporting to image", 1))
    progress.tick()
    assert stream.getvalue().splitlines()[-1] == "… 0s and running  exporting to image"


def test_quiet_writes_nothing() -> None:
    stream = io.StringIO()
    progress = make_progress(Mode.quiet, stream, {})
    begun(progress, vertex("a", "[eb-a 1/1] RUN a", 1, 5))
    progress.retry("1 of 2", 2, "network")
    progress.tick()
    progress.close()
    assert stream.getvalue() == ""


# ── the table


def screen_of(text: str, columns: int = 100, lines: int = 20) -> list[str]:
    """Return what a terminal shows."""
    screen = pyte.Screen(columns, lines)
    pyte.Stream(screen).feed(text.replace("\n", "\r\n"))
    return [line.rstrip() for line in screen.display if line.strip()]


@pytest.fixture
def size(monkeypatch: pytest.MonkeyPatch) -> Any:
    def change(columns: int, lines: int = 20) -> None:
        monkeypatch.setattr(progress_table.shutil, "get_terminal_size", lambda: os.terminal_size((columns, lines)))

    monkeypatch.setattr(progress_table, "_EVERY", 0.0)
    change(100)
    return change


def test_the_table_has_a_line_for_each_bake_target_and_platform(size: Any) -> None:
    stream = Terminal()
    progress = Table(stream, colour=False)
    cached = vertex("c", f"[{AMD64} eb-c 1/1] RUN c", 1, 9, cached=True)
    begun(progress, cached, vertex("a", f"[{AMD64} eb-a 1/1] RUN a", 1, 5), RUNNING)
    *lines, head, first, second = screen_of(stream.getvalue())
    assert lines[-1] == f"✓    4.0s  [{AMD64} eb-a 1/1] RUN a"
    assert head == "0:00  2 of 3 steps so far, 1 cached"
    assert re.fullmatch(rf"▸ app  {AMD64}  native    0:00  1 cached  waiting", first)
    assert re.fullmatch(rf"▸ app  {ARM64}  emulated  0:00  0 cached  0:00  eb-r: RUN make all", second)


def test_a_closed_table_leaves_only_its_lines(size: Any) -> None:
    stream = Terminal()
    progress = Table(stream, colour=True)
    _, events = begun(progress, RUNNING)
    for _ in range(3):
        progress.tick()
    progress.update(events, events.feed(vertex("r", f"[{ARM64} eb-r 1/1] RUN r", 1, 4)))
    progress.close()
    assert screen_of(stream.getvalue()) == [
        *map(work_sentence, WORK),
        f"✓    3.0s  [{ARM64} eb-r 1/1] RUN make all",
    ]
    assert "?25l" not in stream.getvalue()  # the cursor was never hidden
    assert stream.getvalue().count("\x1b[0m") == len(re.findall(r"\x1b\[[1-9]\d*m", stream.getvalue()))


@pytest.mark.parametrize("columns", [20, 40, 79])
def test_a_narrow_terminal_breaks_no_line(size: Any, columns: int) -> None:
    size(columns)
    stream = Terminal()
    progress = Table(stream, colour=False)
    progress.work([], MODES)
    one = job("a-bake-target-with-a-long-name")
    events = EventReader(one.invocation.bake_targets)
    progress.began(one, events)
    for line in (vertex("w", f"[{ARM64} eb-w 1/1] RUN echo 東京東京東京東京東京東京東京東京", 1), RUNNING):
        events.feed(line)
    for _ in range(5):
        progress.tick()
    shown = screen_of(stream.getvalue(), columns)
    assert len(shown) == 3
    progress.close()
    assert screen_of(stream.getvalue(), columns) == []


def test_more_rows_than_lines_are_counted(size: Any) -> None:
    size(80, 10)
    stream = Terminal()
    progress = Table(stream, colour=False)
    progress.work([], MODES)
    progress.began(job(*(f"t{number}" for number in range(30))), told())
    progress.tick()
    shown = screen_of(stream.getvalue(), 80, 10)
    assert shown[-1] == "  … and 54 more"
    assert len(shown) <= 8


def test_no_color_and_no_terminal(size: Any) -> None:
    for environment, coloured in (({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False)):
        stream = Terminal()
        progress = make_progress(Mode.auto, stream, environment)
        begun(progress, RUNNING)
        progress.tick()
        assert isinstance(progress, Table)
        assert bool(re.search(r"\x1b\[\d+m", stream.getvalue())) is coloured
    assert type(make_progress(Mode.auto, io.StringIO(), {"TERM": "xterm"})) is Plain
    assert type(make_progress(Mode.auto, Terminal(), {"TERM": "dumb"})) is Plain
    assert type(make_progress(Mode.auto, Terminal(), {})) is Plain


def test_a_bake_that_failed_and_is_tried_again_has_one_row(size: Any) -> None:
    stream = Terminal()
    progress = Table(stream, colour=False)
    begun(progress, RUNNING)
    progress.began(job("app", attempt=2), told())
    progress.tick()
    assert sum("app" in line for line in screen_of(stream.getvalue())) == 2  # platforms


def test_control_characters_in_a_name_do_not_reach_the_terminal(size: Any) -> None:
    stream = Terminal()
    progress = Table(stream, colour=False)
    begun(progress, vertex("x", f"[{AMD64} eb-x 1/1] RUN \x1b]0;owned\x07\x1b[2Jx", 1, 4))
    assert "\x1b]0" not in stream.getvalue()
    assert "\x1b[2J" not in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("東京都", 5, "東京…"), ("e\u0301a", 2, "e\u0301a")],
)
def test_text_is_cut_by_columns(text: str, width: int, shown: str) -> None:
    assert cut(text, width) == shown


def test_clocks() -> None:
    assert [clock(s) for s in (0, 59.9, 75, 3700)] == ["0:00", "0:59", "1:15", "1:01:40"]


# ── JSON


def events_of(stream: io.StringIO) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert {line["version"] for line in found} == {1}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time")) for line in found)
    return found


def test_json_tells_all_that_happens() -> None:
    stream = io.StringIO()
    progress = JsonLines(stream, heartbeat=0.0)
    one, events = begun(progress, vertex("i", "[internal] load x", 0, 1), RUNNING)
    progress.tick()
    progress.update(events, events.feed(vertex("r", f"[{ARM64} eb-r 1/1] RUN make", 1, 4)))
    progress.retry("1 of 2", 2.04, "network")
    progress.ended(ended(one, events))
    progress.close()
    found = events_of(stream)
    assert [line["event"] for line in found] == [
        "platform",
        "platform",
        "begin",
        "running",
        "running",
        "step",
        "retry",
        "end",
    ]
    assert found[2] == {
        "version": 1,
        "event": "begin",
        "bake_targets": ["app"],
        "platforms": [AMD64, ARM64],
        "attempt": 1,
    }
    assert found[4]["platform"] == ARM64
    assert found[4]["step"].startswith(f"[{ARM64} eb-r 1/1] RUN --mount")
    assert found[5] == {
        "version": 1,
        "event": "step",
        "digest": "r",
        "stage": "eb-r",
        "name": f"[{ARM64} eb-r 1/1] RUN --mount=type=bind,source=x make\nall",
        "bake_targets": ["app"],
        "platforms": [ARM64],
        "mode": "emulated",
        "seconds": 3.0,
        "cached": False,
        "error": "",
    }
    assert found[6] | {} == {
        "version": 1,
        "event": "retry",
        "attempt": "1 of 2",
        "seconds": 2.0,
        "reason": "network",
    }
    assert (found[7]["outcome"], found[7]["reason"]) == ("done", "")
