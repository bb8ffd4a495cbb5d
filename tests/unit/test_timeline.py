"""What a timeline makes of BuildKit's events: rows, what waited for what, the critical path, and figures."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebake.execute.events import EventReader
from edgebake.execute.modes import Modes
from edgebake.execute.recording import Ran, Recording
from edgebake.inspect.timeline import timeline_data
from watching import AMD64, ARM64, ZERO, told, vertex

MODES = Modes({AMD64: "native", ARM64: "emulated"}, frozenset({"eb-tool"}))


def ran(events: EventReader, *, begin: float = 0, end: float | None = 20, attempt: int = 1, **more: Any) -> Ran:
    ended = ZERO + end if end is not None else None
    return Ran(
        tuple(events.built), (AMD64, ARM64), attempt, events, ZERO + begin, ended, more.pop("outcome", "done")
    )


def data(*runs: Ran) -> dict[str, Any]:
    recording = Recording()
    recording.invocations.extend(runs)
    return timeline_data(recording, MODES)


def path(found: dict[str, Any]) -> list[str]:
    return [found["steps"][number]["text"] for number in found["critical"]]


DIAMOND = (
    vertex("d", "[internal] load build definition from Dockerfile", 0, 1),
    vertex("b", f"[{AMD64} eb-base 1/1] FROM debian", 1, 2),
    vertex("x", f"[{AMD64} eb-x 1/1] RUN x", 2, 5, ["b"]),
    vertex("y", f"[{ARM64} eb-y 1/1] RUN y", 2, 9, ["b"]),
    vertex("z", f"[{ARM64} app 1/1] COPY z", 9, 10, ["x", "y"]),
    vertex("e", "exporting to image", 11, 13),
)


def test_the_critical_path_leads_through_inputs_from_definition_to_export() -> None:
    found = data(ran(told(*DIAMOND)))
    assert path(found) == [
        "load build definition from Dockerfile",
        "FROM debian",
        "RUN y",
        "COPY z",
        "exporting to image",
    ]
    assert found["totals"] == {
        "seconds": 20,
        "work": 1 + 1 + 3 + 7 + 1 + 2,
        "critical": 1 + 1 + 7 + 1 + 2,
        "emulated": 7,
        "cross": 0,
        "busy": 12,
    }
    assert found["load"] == [[0, 1], [1, 1], [2, 2], [5, 1], [9, 1], [10, 0], [11, 1], [13, 0]]


def test_steps_stand_in_the_rows_of_all_that_they_are_for() -> None:
    reader = told(
        vertex("a", f"[one {AMD64} eb-a 1/1] RUN a", 0, 1),
        vertex("a", f"[two {AMD64} eb-a 1/1] RUN a", 0, 1),
        vertex("m", f"[one {ARM64} internal] load metadata for x", 0, 1),
        names=("one", "two"),
    )
    found = data(ran(reader))
    rows = [(row["bake_target"], row["platform"], row["mode"]) for row in found["rows"]]
    assert rows == [("one", AMD64, "native"), ("two", AMD64, "native"), ("BuildKit", "", "")]
    by_text = {step["text"]: step["rows"] for step in found["steps"]}
    assert by_text == {"RUN a": [0, 1], "load metadata for x": [2]}
    assert found["totals"]["work"] == 2  # what is shared is counted once


@pytest.mark.parametrize(
    ("name", "platforms", "mode"),
    [
        (f"[{ARM64} eb-a 1/1] RUN a", (AMD64, ARM64), "emulated"),
        (f"[{ARM64} eb-a 1/1] COPY a b", (AMD64, ARM64), "native"),
        (f"[{AMD64} eb-a 1/1] RUN a", (AMD64, ARM64), "native"),
        (f"[{AMD64}->arm64 eb-a 1/1] RUN a", (AMD64, ARM64), "cross"),
        ("[eb-a 1/1] RUN a", (ARM64,), "emulated"),
        ("[eb-tool 1/1] RUN a", (ARM64,), "cross"),
        ("[eb-tool 1/1] RUN a", (AMD64,), "native"),
    ],
)
def test_where_a_step_runs(name: str, platforms: tuple[str, ...], mode: str) -> None:
    (step,) = data(ran(told(vertex("a", name, 0, 1), platforms=platforms)))["steps"]
    assert step["mode"] == mode


def test_an_export_waits_for_the_steps_of_its_own_bake_target() -> None:
    reader = told(
        vertex("a", f"[one {AMD64} eb-a 1/1] RUN a", 0, 3),
        vertex("b", f"[two {AMD64} eb-b 1/1] RUN b", 0, 5),
        vertex("e", "[one] exporting to image", 6, 9),
        names=("one", "two"),
    )
    assert path(data(ran(reader))) == ["RUN a", "exporting to image"]


def test_cached_steps_take_no_time_whenever_they_ran() -> None:
    reader = told(
        vertex("d", "[internal] load x", 0, 1), vertex("a", f"[{AMD64} eb-a 1/1] RUN a", -900, -800, cached=True)
    )
    found = data(ran(reader))
    (step,) = [one for one in found["steps"] if one["state"] == "cached"]
    assert (step["start"], step["end"], found["totals"]["work"], found["totals"]["seconds"]) == (0, 0, 1, 20)


def test_what_another_build_had_begun_is_counted_from_this_ones_begin() -> None:
    reader = told(vertex("d", "[internal] load x", 0, 1), vertex("a", f"[{AMD64} eb-a 1/1] RUN a", -50, 5))
    assert data(ran(reader))["totals"]["work"] == 1 + 5


def test_a_bake_that_was_stopped_shows_what_ran_until_then() -> None:
    reader = told(
        vertex("d", "[internal] load x", 0, 1),
        vertex("a", f"[{AMD64} eb-a 1/1] RUN a", 1, 4, error="exit code: 3"),
        vertex("b", f"[{AMD64} eb-b 1/1] RUN b", 1, 4, error="exit code: 137: context canceled: context canceled"),
        vertex("c", f"[{AMD64} eb-c 1/1] RUN c", 2),
        vertex("n", f"[{AMD64} eb-n 1/1] RUN never"),
    )
    found = data(ran(reader, end=None, outcome="stopped"))
    assert {step["text"]: step["state"] for step in found["steps"]} == {
        "load x": "done",
        "RUN a": "failed",
        "RUN b": "cancelled",
        "RUN c": "unfinished",
    }
    assert found["runs"][0]["outcome"] == "stopped"
    assert found["totals"]["seconds"] == 4


def test_invocations_follow_each_other_on_one_critical_path() -> None:
    first = ran(told(vertex("a", f"[{AMD64} eb-a 1/1] RUN a", 0, 4, error="exit code: 1")), end=5, outcome="failed")
    second = ran(told(vertex("a", f"[{AMD64} eb-a 1/1] RUN a", 7, 12)), begin=7, end=13, attempt=2)
    found = data(first, second)
    assert [(step["run"], step["state"]) for step in found["steps"]] == [(0, "failed"), (1, "done")]
    assert found["critical"] == [0, 1]
    assert [(run["attempt"], run["outcome"]) for run in found["runs"]] == [(1, "failed"), (2, "done")]
    assert (found["totals"]["seconds"], found["totals"]["critical"]) == (13, 9)


def test_nothing_ran() -> None:
    assert data()["totals"]["seconds"] == 0


TIMES = st.lists(st.tuples(st.floats(-3, 9), st.floats(0, 4), st.booleans(), st.integers(0, 4)), max_size=12)


@given(TIMES, st.data())
def test_no_events_make_a_loop(times: list[tuple[float, float, bool, int]], draw: st.DataObject) -> None:
    names = [
        f"[{AMD64} s 1/1] RUN x",
        "[internal] load x",
        "exporting to image",
        "[internal] more",
        "[s 1/2] FROM x",
    ]
    lines = []
    for number, (start, length, cached, kind) in enumerate(times):
        inputs = draw.draw(st.lists(st.integers(0, number - 1), max_size=3)) if number and kind in (0, 4) else []
        lines.append(
            vertex(f"v{number}", names[kind], start, start + length, [f"v{one}" for one in inputs], cached=cached)
        )
    found = data(ran(told(*lines)))
    assert len(found["steps"]) == len(times)
    assert found["totals"]["critical"] <= found["totals"]["work"] + 0.01
