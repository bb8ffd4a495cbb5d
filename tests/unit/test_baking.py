"""What becomes of each bake target of a step, told by invocations that end as they may; no Buildx is asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from edgebake.execute.baking import Baking
from edgebake.execute.buildx import Buildx
from edgebake.execute.events import EventReader
from edgebake.execute.failures import Failure
from edgebake.execute.ledger import Ledger
from edgebake.execute.process import BakeProcess
from edgebake.execute.progress.base import Progress
from edgebake.execute.runner import Ended, Job, OnSteps, Policy, Runner
from edgebake.plan.frozen import FrozenContext
from edgebake.plan.journal import Journal
from edgebake.plan.settings import Settings
from edgebake.plan.steps import Bake
from integration.projects import AMD64, Project, make_project, recipe
from watching import vertex

NEW, OLD = Buildx("0.38.2", jobs=True), Buildx("0.29.1", jobs=False)
HERE = FrozenContext(Path())
REFUSED = "failed to push: dial tcp 127.0.0.1:5000: connect: connection refused"
EXIT = "did not complete successfully: exit code: 3"
STOPPED = "did not complete successfully: exit code: 137: context canceled"


def step(bake_target: str, stage: str, error: str = "") -> str:
    return vertex(f"{bake_target}-{stage}", f"[{bake_target} {stage} 1/1] RUN x", 1, 2, error=error)


def export(bake_target: str, error: str = "") -> str:
    return vertex(f"export-{bake_target}", f"[{bake_target}] exporting to image", 2, 3, error=error)


class Scripted(Runner):
    """Ends each job as the script says: with the events, and the bake targets in Buildx's metadata; None: well."""

    def __init__(self, policy: Policy, script: Sequence[tuple[Sequence[str], Sequence[str]] | None]) -> None:
        super().__init__(policy, ())
        self._script = iter(script)
        self.jobs: list[tuple[list[str], str, int]] = []

    def run(self, job: Job, on_steps: OnSteps) -> Ended:
        names = [name.removesuffix("-cpu") for name in job.invocation.bake_targets]
        self.jobs.append((names, job.invocation.jobs, job.attempt))
        events, act = EventReader(job.invocation.bake_targets), next(self._script)
        if act is None:
            return Ended(job, events, {})
        for line in act[0]:
            on_steps(events, events.feed(line))
        return self._ended(job, _Dead(events, {name: {} for name in act[1]}), None)


class _Dead(BakeProcess):
    """A bake that has failed."""

    def __init__(self, events: EventReader, metadata: dict[str, Any]) -> None:
        self.events = events
        self._found = metadata

    def finish(self) -> tuple[int, dict[str, Any]]:
        return 1, self._found


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgebake.execute.runner.delay", lambda attempt: 0.0)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Images of one recipe each: `bad`, `good` and `late`; `also` needs bad, too. `good` has a test."""
    project = make_project(tmp_path)
    for name in ("bad", "good", "late"):
        more = {"test": {"script": "test.sh"}} if name == "good" else {}
        project.recipe(**recipe(name, install={"script": "install.sh"}, **more))
        project.write({f"recipes/{name}/{file}.sh": "true\n" for file in ("install", "test")})
    names = {"bad": ["bad"], "good": ["good"], "late": ["late"], "also": ["bad", "late"]}
    return project.images(
        **{name: {"recipes": of, "targets": ["cpu"], "platforms": [AMD64]} for name, of in names.items()}
    )


class Baked:
    """The result of a step."""

    def __init__(
        self,
        project: Project,
        script: Any,
        *,
        buildx: Buildx = NEW,
        test: bool = False,
        settings: Settings | None = None,
        **policy: Any,
    ) -> None:
        plan = project.plan(output="push", test=test)
        self.policy = Policy(**policy)
        (bake,) = (step for step in plan.steps if isinstance(step, Bake))
        ledger, runner = Ledger(plan, Journal(project.root)), Scripted(self.policy, script)
        baking = Baking(plan, bake, settings or Settings(environment={}), self.policy, ledger, HERE)
        baking.run(runner, Progress(), buildx, "docker")
        self.jobs = runner.jobs
        self.fates = {row.bake_target.removesuffix("-cpu"): row.fate for row in ledger.results}
        self.reasons = {row.bake_target.removesuffix("-cpu"): row.reason for row in ledger.results}
        self.errors = [error.message for error in baking.errors]


ALL = ["also", "bad", "good", "late"]


def test_all_went_well(project: Project) -> None:
    baked = Baked(project, [None], test=True)
    assert baked.jobs == [(["good-cpu-test", *ALL], "defer-output,parallel=50", 1)]
    assert baked.fates == {**dict.fromkeys(ALL, "built"), "good-cpu-test": "tested"}
    assert baked.errors == []


FAILS = [step("bad-cpu", "eb-bad", EXIT), step("late-cpu", "eb-late", STOPPED)]


@pytest.mark.parametrize("buildx", [NEW, OLD])
def test_a_failure_ends_the_bake_and_those_that_need_the_stage_are_blamed(project: Project, buildx: Buildx) -> None:
    baked = Baked(project, [(FAILS, [])], buildx=buildx)
    assert baked.jobs == [(ALL, "parallel=50" if buildx.jobs else "", 1)]
    assert baked.fates == {"bad": "failed", "also": "failed", "good": "not attempted", "late": "not attempted"}
    assert baked.reasons["good"] == "because eb-bad failed"
    assert baked.errors == ["the step failed: [bad-cpu eb-bad 1/1] RUN x"]


def test_what_does_not_depend_on_a_failure_goes_on(project: Project) -> None:
    script = [None, ([*FAILS[:1], step("also-cpu", "eb-bad", EXIT)], ["good-cpu", "late-cpu"])]
    baked = Baked(project, script, test=True, keep_going=True)
    assert baked.jobs == [(["good-cpu-test"], "defer-error,parallel=50", 1), (ALL, "defer-error,parallel=50", 1)]
    assert baked.fates == {
        "bad": "failed",
        "also": "failed",
        "good": "built",
        "late": "built",
        "good-cpu-test": "tested",
    }


def test_an_image_is_not_built_after_its_test_has_failed(project: Project) -> None:
    failed = ([step("good-cpu-test", "good-test", EXIT)], [])
    baked = Baked(project, [failed, None], test=True, keep_going=True)
    assert baked.jobs[1][0] == ["also", "bad", "late"]
    assert baked.fates == {"good": "failed", "also": "built", "bad": "built", "late": "built"}
    assert baked.reasons["good"] == "good-test failed"
    baked = Baked(project, [failed], test=True)
    assert set(baked.fates.values()) == {"failed", "not attempted"}


def test_several_failures_are_all_reported(project: Project) -> None:
    events = [step("bad-cpu", "eb-bad", EXIT), step("late-cpu", "eb-late", EXIT)]
    baked = Baked(project, [(events, ["good-cpu"])], keep_going=True)
    assert baked.reasons == {"bad": "eb-bad failed", "also": "eb-bad failed", "late": "eb-late failed", "good": ""}
    assert len(baked.errors) == 2


def test_only_what_failed_for_a_transient_reason_is_retried(project: Project) -> None:
    first = ([step("bad-cpu", "eb-bad", EXIT), export("late-cpu", REFUSED)], ["good-cpu"])
    baked = Baked(project, [first, None], keep_going=True)
    assert [(names, attempt) for names, _, attempt in baked.jobs] == [(ALL, 1), (["late"], 2)]
    assert baked.fates == {"bad": "failed", "also": "failed", "good": "built", "late": "built"}
    assert len(baked.errors) == 1


def test_retries_come_to_an_end(project: Project) -> None:
    failed = ([export("late-cpu", REFUSED)], [])
    baked = Baked(project, [failed] * 3, retries=2)
    assert [attempt for _, _, attempt in baked.jobs] == [1, 2, 3]
    assert baked.fates == {"late": "failed", **dict.fromkeys(["also", "bad", "good"], "not attempted")}
    assert baked.reasons["bad"] == "because late-cpu failed"


def test_with_a_cache_one_platform_and_several_are_apart(project: Project) -> None:
    images = {
        "both": {"recipes": ["late"], "targets": ["cpu"]},
        "one": {"recipes": ["bad"], "targets": ["board-1.0"]},
    }
    project.write({"edgebake.yaml": json.dumps({"cache": "registry", "images": images})})
    assert [names for names, _, _ in Baked(project, [None, None]).jobs] == [["both"], ["one-board-1-0"]]
    environment = {"CACHE_PLATFORM": "-x"}
    assert len(Baked(project, [None], settings=Settings(environment=environment)).jobs) == 1


def test_a_failing_test_is_not_retried(project: Project) -> None:
    events = [step("good-cpu-test", "good-test", "curl: (6) Could not resolve host: x")]
    baked = Baked(project, [(events, [])], test=True)
    assert len(baked.jobs) == 1


def test_an_engine_that_goes_away_concerns_all_that_is_left(project: Project) -> None:
    gone = (["ERROR: failed to solve: Unavailable: error reading from server: EOF"], ["good-cpu"])
    baked = Baked(project, [gone, None], keep_going=True)
    assert baked.jobs[1] == (["also", "bad", "late"], "defer-error,parallel=50", 2)
    assert set(baked.fates.values()) == {"built"}


def test_what_was_stopped_with_a_step_that_took_too_long_is_baked_again(project: Project) -> None:
    class Late(Scripted):
        def run(self, job: Job, on_steps: OnSteps) -> Ended:
            ended = super().run(job, on_steps)
            if len(self.jobs) > 1:
                return ended
            failure = Failure("too long", "x", ended.events.steps["bad-cpu-eb-bad"], frozenset({"bad-cpu"}))
            return Ended(ended.job, ended.events, ended.metadata, [failure])

    plan = project.plan(output="push")
    policy = Policy(keep_going=True)
    (bake,) = (step for step in plan.steps if isinstance(step, Bake))
    ledger, runner = Ledger(plan, Journal(project.root)), Late(policy, [(FAILS, ["good-cpu"]), None])
    Baking(plan, bake, Settings(), policy, ledger, HERE).run(runner, Progress(), NEW, "docker")
    assert [(names, attempt) for names, _, attempt in runner.jobs] == [(ALL, 1), (["late"], 1)]


def test_an_invocation_that_fails_after_all_was_handed_over_is_reported(project: Project) -> None:
    said = "ERROR: failed to write the cache"
    baked = Baked(project, [([said], [f"{name}-cpu" for name in ALL])], keep_going=True)
    assert set(baked.fates.values()) == {"built"}
    assert baked.errors == ["the bake failed"]
