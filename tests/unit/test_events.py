"""BuildKit's raw progress, read into steps. The lines are as Buildx 0.29.1 wrote them, with shorter digests."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from edgebake.execute.events import KEPT_LOG_LINES, EventReader

T = "2026-11-21T01:02:"
AMD64, ARM64 = "linux/amd64", "linux/arm64"
CANCELLED = (
    'process "/bin/sh -c sleep 5" did not complete successfully: exit code: 137: context canceled: context canceled'
)
BROKEN = 'process "/bin/sh -c exit 3" did not complete successfully: exit code: 3'


def vertex(digest: str, name: str, **more: Any) -> str:
    return json.dumps({"vertexes": [{"digest": digest, "name": name, **more}]})


def log(digest: str, text: str, stream: int = 1) -> str:
    data = base64.b64encode(text.encode()).decode()
    return json.dumps({"logs": [{"vertex": digest, "stream": stream, "data": data}]})


def read(*lines: str) -> EventReader:
    reader = EventReader({"one": (AMD64, ARM64), "two": (ARM64,)})
    for line in lines:
        reader.feed(line)
    return reader


def seconds(start: str, end: str) -> dict[str, str]:
    return {"started": f"{T}{start}Z", "completed": f"{T}{end}Z"}


def test_a_step_is_told_when_it_ends_and_only_once() -> None:
    reader = read()
    assert reader.feed(vertex("a", "[linux/amd64 x 1/1] RUN true")) == []
    assert reader.feed(vertex("a", "[linux/amd64 x 1/1] RUN true", started=f"{T}17.5Z")) == []
    ended = reader.feed(vertex("a", "[linux/amd64 x 1/1] RUN true", **seconds("17.467770697", "18.967117723")))
    assert [step.digest for step in ended] == ["a"]
    assert reader.feed(vertex("a", "[linux/amd64 x 1/1] RUN true", **seconds("17.467770697", "18.967117723"))) == []
    assert reader.steps["a"].seconds == pytest.approx(1.499347, abs=1e-5)


def test_a_step_that_two_bake_targets_share_is_one_with_both_names() -> None:
    reader = read(
        vertex("a", "[two x 1/1] RUN true", **seconds("17.2", "17.9")),
        vertex("a", "[one linux/amd64 x 1/1] RUN true", **seconds("17.1", "18.3")),
    )
    (step,) = reader.steps.values()
    assert step.names == ["[two x 1/1] RUN true", "[one linux/amd64 x 1/1] RUN true"]
    assert step.seconds == pytest.approx(1.2)
    assert step.rows == {("one", AMD64), ("two", ARM64)}


def test_a_step_that_was_resolved_first_and_found_in_the_cache_then_is_cached() -> None:
    name = "[linux/amd64 a 1/2] FROM localhost:5000/busybox"
    reader = read(
        vertex("a", name, **seconds("17.3", "17.4")),
        vertex("a", name, cached=True, **seconds("17.46", "17.46")),
    )
    assert reader.steps["a"].cached


def test_the_culprit_is_the_step_that_failed_by_itself() -> None:
    reader = read(
        vertex("c", "[one linux/amd64 c 1/1] RUN sleep 5", error=CANCELLED, **seconds("17", "19")),
        log("b", "lost: its step is not known yet\n"),
        vertex("b", "[one linux/amd64 b 1/1] RUN exit 3", started=f"{T}17Z"),
        log("b", "broken\n"),
        log("b", "why\n", stream=2),
        vertex("b", "[one linux/amd64 b 1/1] RUN exit 3", error=BROKEN, **seconds("17", "18")),
        "ERROR: target one: failed to solve",
    )
    (failed,) = reader.failed()
    assert (failed.digest, failed.error, list(failed.log)) == ("b", BROKEN, ["broken", "why"])
    assert list(reader.other) == ["ERROR: target one: failed to solve"]


def test_what_was_only_cancelled_did_not_fail() -> None:
    assert read(vertex("c", "[c 1/1] RUN sleep 5", error=CANCELLED, **seconds("17", "19"))).failed() == []


@pytest.mark.parametrize(
    "line", ["", "  ", "{}", '{"statuses": [{"id": "x"}]}', '{"vertexes": null, "logs": null}']
)
def test_lines_that_say_nothing_are_passed_over(line: str) -> None:
    reader = read(line)
    assert reader.steps == {}
    assert list(reader.other) == []


@pytest.mark.parametrize("line", ["Dockerfile:5", "ERROR: no builder", '{"half'])
def test_lines_that_are_no_events_are_kept(line: str) -> None:
    assert list(read(line).other) == [line]


def test_pieces_of_a_line_are_one_line() -> None:
    """Python writes a traceback to a pipe in pieces: `Error`, `: `, `it broke`; BuildKit tells each by itself."""
    reader = read(
        vertex("a", "[a 1/1] RUN test"),
        *(log("a", piece, stream=2) for piece in ("Key", "Error", ": ", "'x'", "\n    ^", "^^", "\nlast")),
    )
    reader.feed(log("a", "between\n"))
    assert reader.steps["a"].log == ["KeyError: 'x'", "    ^^^", "between", "last"]


def test_the_last_lines_of_a_log_are_kept() -> None:
    reader = read(
        vertex("a", "[a 1/1] RUN make"), *(log("a", f"line {number}\r\n\n") for number in range(KEPT_LOG_LINES + 5))
    )
    kept = list(reader.steps["a"].log)
    assert (len(kept), kept[0], kept[-1]) == (KEPT_LOG_LINES, "line 5", f"line {KEPT_LOG_LINES + 4}")


def test_a_log_that_is_not_utf8_does_no_harm() -> None:
    data = base64.b64encode(b"\xff\xfe ok\n").decode()
    reader = read(vertex("a", "[a 1/1] RUN x"), json.dumps({"logs": [{"vertex": "a", "data": data}]}))
    assert reader.steps["a"].log[0].endswith(" ok")


@pytest.mark.parametrize(
    ("name", "internal", "bake_targets", "rows"),
    [
        ("[internal] load local bake definitions", True, set(), set()),
        ("[one internal] load build definition from Dockerfile", True, {"one"}, set()),
        ("[one linux/arm64 internal] load metadata for x", True, {"one"}, {("one", ARM64)}),
        ("[two internal] load metadata for x", True, {"two"}, {("two", ARM64)}),
        ("[one] exporting to image", True, {"one"}, set()),
        ("exporting to image", True, set(), set()),
        ("[one linux/amd64->arm64 eb-x-build 2/3] RUN make", False, {"one"}, {("one", ARM64)}),
        ("[two one 2/2] RUN echo [x]\nand more", False, {"two"}, {("two", ARM64)}),  # a stage that is called one
        ("[auth] library/debian:pull token for registry", True, set(), set()),
        ("[one linux/arm64 eb-internal 2/2] RUN x", False, {"one"}, {("one", ARM64)}),
        ("[two internal 1/2] RUN x", False, {"two"}, {("two", ARM64)}),
    ],
)
def test_what_a_name_says(name: str, internal: bool, bake_targets: set[str], rows: set[tuple[str, str]]) -> None:
    (step,) = read(vertex("x", name)).steps.values()
    assert step.internal == internal
    assert step.bake_targets == bake_targets
    assert step.rows == rows


def test_a_bake_target_by_itself_and_a_platform_by_itself_are_not_named() -> None:
    reader = EventReader({"one": (ARM64,)})
    reader.feed(vertex("a", "[x 1/1] RUN a"))
    assert [step.digest for step in reader.of("one", ARM64)] == ["a"]
    assert reader.steps["a"].bake_targets == {"one"}


def test_steps_are_found_by_bake_target_and_platform() -> None:
    reader = read(
        vertex("a", "[one linux/amd64 x 1/1] RUN a"),
        vertex("b", "[one linux/amd64->arm64 y 1/1] RUN b"),
        vertex("c", "[two x 1/1] RUN c"),
        vertex("a", "[two x 1/1] RUN a"),
        vertex("i", "[one linux/arm64 internal] load metadata for x"),
    )
    assert [step.digest for step in reader.of("one", AMD64)] == ["a"]
    assert [step.digest for step in reader.of("one", ARM64)] == ["b"]
    assert [step.digest for step in reader.of("two", ARM64)] == ["c", "a"]


def test_a_step_that_is_cancelled_for_one_bake_target_and_ends_well_for_another_did_not_fail() -> None:
    name = "linux/amd64 x 1/1] RUN a"
    for order in ((0, 1), (1, 0)):
        lines = (
            vertex("a", f"[one {name}", error=CANCELLED, **seconds("17", "18")),
            vertex("a", f"[two {name}", **seconds("17", "19")),
        )
        assert read(*(lines[place] for place in order)).steps["a"].error == ""


def test_a_step_that_failed_once_did_fail() -> None:
    name = "linux/amd64 x 1/1] RUN a"
    reader = read(
        vertex("a", f"[one {name}", error=BROKEN, **seconds("17", "18")),
        vertex("a", f"[two {name}", error=CANCELLED, **seconds("17", "18")),
        vertex("a", f"[two {name}", **seconds("18", "19")),
    )
    assert [step.error for step in reader.failed()] == [BROKEN]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("17Z", 17.0), ("17.5Z", 17.5), ("17.123456789Z", 17.123456), ("17.1+00:00", 17.1)],
)
def test_times_of_any_precision_are_read(text: str, expected: float) -> None:
    reader = read(vertex("a", "[a] RUN x", started=f"{T}00Z", completed=f"{T}{text}"))
    assert reader.steps["a"].seconds == pytest.approx(expected, abs=1e-5)


def test_a_step_that_has_not_ended_took_no_time() -> None:
    assert read(vertex("a", "[a] RUN x", started=f"{T}00Z")).steps["a"].seconds == 0
