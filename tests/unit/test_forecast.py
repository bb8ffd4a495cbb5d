"""What a plan says of the time that it will take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgebake.cli.format.plan import text as explain
from edgebake.cli.format.plan_data import data
from edgebake.execute.events import EventReader
from edgebake.execute.ledger import Ledger
from edgebake.plan.forecast import Forecast, forecast
from edgebake.plan.history import read_history, worth_keeping
from edgebake.plan.journal import Journal, read_entries
from edgebake.plan.times import KEPT, Measured, StageTimes
from integration.projects import AMD64, ARM64, Project, compiled_recipe, line_of_five, make_project, needs

RUN = {"run": "1", "at": "2026-01-01T00:00:00Z"}


def took(root: Path, stages: dict[str, float], target: str = "cpu", **facts: Any) -> None:
    """Take down an invocation; stages without a platform were built for both."""
    told = {}
    for name, seconds in stages.items():
        names = [name] if " " in name else [f"{name} {platform}" for platform in (AMD64, ARM64)]
        told |= dict.fromkeys(names, seconds)
    facts = {"seconds": 10.0, "work": 10.0, "emulated": [], **facts}
    Journal(root).add("times", **RUN, targets={target: told}, **facts)


def foreseen(project: Project) -> Forecast:
    plan = project.plan()
    found = forecast(plan, plan.times)
    assert found is not None
    return found


@pytest.fixture
def line(tmp_path: Path) -> Project:
    return line_of_five(tmp_path)


def stages(found: Forecast) -> list[str]:
    return [found.tasks[task].name for task in found.path if task in found.measured]


class TestForecast:
    def test_only_what_will_run_counts(self, line: Project) -> None:
        took(line.root, {"eb-a-build": 100, "eb-c": 5, "eb-d": 2})
        plan = line.plan()
        assert forecast(plan, plan.times) is None  # all of it is up to date
        line.write({"recipes/c/install.sh": "false\n"})
        found = foreseen(line)
        assert stages(found) == ["eb-c", "eb-d"]
        assert (found.path_seconds, found.work_seconds) == (7, 14)

    def test_nothing_measured_nothing_told(self, line: Project) -> None:
        line.write({"recipes/c/install.sh": "false\n"})
        assert forecast(line.plan(), StageTimes()) is None
        assert "Time" not in explain(line.plan())
        assert data(line.plan()).time is None

    def test_the_path_goes_through_the_build_half_if_that_takes_longer_than_the_line(self, line: Project) -> None:
        line.write({"recipes/a/build.sh": "make all\n"})
        took(line.root, {"eb-a-build": 100, "eb-python": 50, "eb-a": 1, "eb-d": 2})
        found = foreseen(line)
        assert stages(found) == ["eb-a-build", "eb-a", "eb-d"]
        assert dict(found.saved) == {"a": 101, "d": 2}

    def test_what_saves_most_is_not_more_than_the_next_longest_path_leaves(self, tmp_path: Path) -> None:
        project = make_project(tmp_path)
        for name in "ab":
            project.recipe(**compiled_recipe(name)).write({f"recipes/{name}/build.sh": "make\n"})
        project.images(app=["a", "b"])
        took(project.root, {"eb-a-build": 60, "eb-b-build": 50, "eb-b": 1, "eb-a": 1})
        found = foreseen(project)
        assert stages(found) == ["eb-a-build", "eb-a", "eb-b"]
        assert found.path_seconds == 62
        assert dict(found.saved) == {"a": 62 - 51, "b": 1}

    def test_a_stage_for_all_platforms_counts_once(self, tmp_path: Path) -> None:
        project = make_project(tmp_path).recipe(**compiled_recipe("a")).write({"recipes/a/build.sh": "make\n"})
        project.images(app=["a"])
        took(project.root, {"eb-native-compiler": 30})
        found = foreseen(project)
        builds = [task for task, change in found.tasks.items() if change.name == "eb-native-compiler"]
        arg = "TARGETARCH" in project.dockerfile().split("AS eb-native-compiler")[1].split("FROM")[0]
        assert len(builds) == (2 if arg else 1)
        assert found.work_seconds == 30 * len(builds)

    def test_the_expected_time_is_that_of_as_many_stages_at_once_as_last(self, line: Project) -> None:
        line.write({"recipes/c/install.sh": "false\n"})
        took(line.root, {"eb-c": 5, "eb-d": 2}, seconds=10, work=13)
        assert foreseen(line).expected_seconds == pytest.approx(14 / 1.3)
        took(line.root, {"eb-c": 5, "eb-d": 2}, seconds=10, work=90)
        assert foreseen(line).expected_seconds == 7  # never less than the path

    def test_what_was_measured_elsewhere_is_told(self, line: Project) -> None:
        line.write({"recipes/c/install.sh": "false\n"})
        took(line.root, {f"eb-c {AMD64}": 5, f"eb-python {AMD64}": 10, f"eb-python {ARM64}": 40})
        took(line.root, {f"eb-d {ARM64}": 3}, target="board-1.0")
        found = foreseen(line)
        assert found.path_seconds == 5 * 4 + 3  # arm64 takes four times what amd64 does
        assert {change.name for change in found.elsewhere} == {"eb-c", "eb-d"}
        assert "measured only on board-1.0, linux/amd64, linux/arm64" in explain(line.plan())

    def test_what_was_never_measured_is_told_and_counts_as_nothing(self, line: Project) -> None:
        line.write({"recipes/c/install.sh": "false\n"})
        took(line.root, {"eb-d": 3, "app": 0.0})
        found = foreseen(line)
        assert {change.name for change in found.unknown} == {"eb-c"}
        assert found.work_seconds == 6
        assert "eb-c: never measured, counted as nothing" in explain(line.plan())

    def test_the_text(self, line: Project) -> None:
        line.write({"recipes/c/install.sh": "false\n"})
        took(
            line.root, {f"eb-c {AMD64}": 5, f"eb-c {ARM64}": 61, "eb-d": 0.4, "app": 0.0}, emulated=[ARM64], work=12
        )
        text = explain(line.plan())
        assert (
            """
Time, measured in earlier bakes:
  about 1m1s: 1m7s of work, 1.2 stages at once as in the last bake; no machine needs less than 1m1s
  critical path: eb-c 1m1s (linux/arm64, emulated) → 1 more 0.4s
  worth making faster: c (up to 1m1s less)
"""
            in text
        )

    def test_the_data(self, line: Project) -> None:
        line.write({"recipes/c/install.sh": "false\n"})
        took(line.root, {"eb-c": 5, f"eb-d {AMD64}": 2}, emulated=[ARM64])
        time = json.loads(data(line.plan()).model_dump_json())["time"]
        assert time["version"] == 1
        assert (time["critical_path_seconds"], time["work_seconds"], time["parallelism"]) == (7, 14, 1)
        assert time["useful_parallelism"] == 2
        assert [(s["stage"], s["seconds"]) for s in time["critical_path"]] == [
            ("eb-c", 5),
            ("eb-d", 2),
            ("app", None),
        ]
        assert time["measured_elsewhere"] == [{"target": "cpu", "stage": "eb-d", "platform": ARM64}]
        assert time["worth_making_faster"] == [
            {"recipe": "c", "saves_seconds": 5},
            {"recipe": "d", "saves_seconds": 2},
        ]


class TestTimes:
    def test_the_median_of_the_last_measurements_counts(self, tmp_path: Path) -> None:
        for seconds in (1000, 1000, 1, 2, 3, 4, 500):
            took(tmp_path, {"eb-a": seconds})
        assert KEPT == 5
        assert read_history(tmp_path).times.of("cpu", "eb-a", AMD64) == Measured(3)

    def test_a_stage_that_differs_between_platforms_is_known_by_its_own_name(self, tmp_path: Path) -> None:
        took(tmp_path, {f"eb-a-arm64 {ARM64}": 7})
        times = read_history(tmp_path).times
        assert times.of("cpu", "eb-a", ARM64) == Measured(7)
        assert times.of("cpu", "eb-b", ARM64) is None

    def test_native_stages_take_as_long_for_any_platform(self, tmp_path: Path) -> None:
        took(tmp_path, {f"eb-a {AMD64}": 7, f"eb-b {AMD64}": 1, f"eb-b {ARM64}": 9})
        times = read_history(tmp_path).times
        assert times.of("cpu", "eb-a", ARM64, native=True) == Measured(7, AMD64)
        assert times.of("cpu", "eb-a", ARM64) == Measured(63, AMD64)

    @pytest.mark.parametrize(
        "facts",
        [
            {"targets": 1},
            {"targets": {"cpu": 1}},
            {"targets": {"cpu": {"x": 1}}},
            {"seconds": "x"},
            {"emulated": 1},
        ],
    )
    def test_an_entry_that_cannot_be_read_is_none(self, tmp_path: Path, facts: dict[str, Any]) -> None:
        entry = {"targets": {"cpu": {f"eb-a {AMD64}": 1}}, "seconds": 1, "work": 1, **facts}
        Journal(tmp_path).add("times", **RUN, **entry)
        assert not read_history(tmp_path).times

    def test_a_journal_that_shrinks_keeps_the_times_of_its_last_runs(self, tmp_path: Path) -> None:
        Journal(tmp_path).add("run", **RUN)
        took(tmp_path, {"eb-a": 1})
        assert [entry["event"] for entry in worth_keeping(read_entries(tmp_path))] == ["run", "times"]


def vertex(name: str, digest: str, begin: float, end: float, **more: Any) -> str:
    times = {"started": f"2026-01-01T00:00:{begin:09.6f}Z", "completed": f"2026-01-01T00:00:{end:09.6f}Z"}
    return json.dumps({"vertexes": [{"digest": digest, "name": name, **times, **more}]})


class TestLedger:
    """What is taken down of an invocation that has ended."""

    def read(self, line: Project, *vertexes: str) -> dict[str, Any]:
        ledger, events = Ledger(line.plan(), Journal(line.root)), EventReader({"app-cpu": (AMD64, ARM64)})
        ledger.emulated = (ARM64,)
        for one in vertexes:
            events.feed(one)
        ledger.timed({"app-cpu": "cpu"}, events)
        found = [dict(entry) for entry in read_entries(line.root) if entry["event"] == "times"]
        return found[0] if found else {}

    def test_the_seconds_of_each_stage_and_how_much_ran_at_once(self, line: Project) -> None:
        told = self.read(
            line,
            vertex("[linux/amd64 eb-a 1/2] RUN x", "sha256:1", 0, 4),
            vertex("[linux/amd64 eb-a 2/2] RUN y", "sha256:2", 4, 5),
            vertex("[linux/arm64 eb-a 1/2] RUN x", "sha256:3", 0, 10),
        )
        assert told["targets"] == {"cpu": {f"eb-a {AMD64}": 5, f"eb-a {ARM64}": 10}}
        assert (told["seconds"], told["work"], told["emulated"]) == (10, 15, [ARM64])

    def test_not_what_was_cached_failed_or_is_no_instruction(self, line: Project) -> None:
        assert not self.read(
            line,
            vertex("[linux/amd64 eb-a 1/2] RUN x", "sha256:1", 0, 4, cached=True),
            vertex("[linux/amd64 eb-a 2/2] RUN y", "sha256:2", 0, 4, error="exit code: 1"),
            vertex("[linux/amd64 internal] load metadata", "sha256:3", 0, 4),
        )


def test_a_line_of_needs_is_the_path(tmp_path: Path) -> None:
    project = make_project(tmp_path).recipe(**needs("x", "python")).recipe(**needs("y", "x"))
    project.images(app=["y"])
    took(project.root, {"eb-python": 1, "eb-x": 2, "eb-y": 3})
    assert stages(foreseen(project)) == ["eb-python", "eb-x", "eb-y"]


def test_a_part_of_a_plan_keeps_the_times(line: Project) -> None:
    took(line.root, {"eb-a": 3.0})
    plan = line.plan()
    assert plan.times
    assert plan.part(plan.scope.on(AMD64)).times == plan.times
