"""What a bake does when something goes wrong, and what the next one makes of what is left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import MIRROR, REGISTRY, Project, crane_tags, run
from edgebake.execute.buildx import installed_buildx

JOURNAL = ".edgebake/journal.jsonl"
TARGET = """
    name: tiny
    family: cpu
    summary: A machine
    platforms: [linux/amd64]
    base: {image: "debian:bookworm-slim"}
    os: debian:12
    tag_suffix: tiny
    """
RECIPE = """
    name: {name}
    summary: Installs by a script
    requires: [{requires}]
    install: {{script: install.sh}}
    {more}
    """
SLOW = "echo begun; sleep 247"


def write_images(project: Project, scripts: dict[str, str], *, tests: dict[str, str] | None = None) -> None:
    """Write images of one recipe each, and the recipe `common` that all need. A script is an install script."""
    images = "".join(
        f"  {name}:\n    recipes: [{name}]\n    targets: [tiny]\n" for name in scripts if name != "common"
    )
    (project.root / "edgebake.yaml").write_text(f"images:\n{images}")
    project.write({"targets/tiny.yaml": TARGET})
    for name, script in {"common": "echo common > /opt/common", **scripts}.items():
        requires = "" if name == "common" else "common"
        test = "test: {script: test.sh}" if name in (tests or {}) else ""
        text = RECIPE.format(name=name, requires=requires, more=test)
        project.write({f"recipes/{name}/recipe.yaml": text, f"recipes/{name}/install.sh": f"{script}\n"})
    for name, test in (tests or {}).items():
        project.write({f"recipes/{name}/test.sh": f"{test}\n"})


def journal(project: Project, event: str) -> list[dict[str, Any]]:
    """Return a project's journal entries of one kind."""
    path = project.root / JOURNAL
    entries = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [entry for entry in entries if entry["event"] == event]


def fates(told: Any) -> dict[str, str]:
    """Return from a summary what became of each image."""
    return {row["bake_target"].removesuffix("-tiny"): row["result"] for row in told["results"]}


def solves(project: Project) -> set[str]:
    """Return the ids of all builds that the engine has had of a project; it calls them after its folder."""
    told = run("docker", "buildx", "history", "ls", "--format", "{{.Ref}} {{.Name}}").out
    found = {line for line in told.splitlines() if f"{project.root.name}/" in line}
    assert found
    return found


def start(project: Project, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "edgebake", "bake", "--registry", project.registry, *args],
        cwd=project.root,
        env={**os.environ, "EDGEBAKE_MIRRORS": MIRROR},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(what: Callable[[], object], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.2)


def running(words: str) -> bool:
    """Tell whether a process has `words` in its command line."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if words in path.read_bytes().replace(b"\0", b" ").decode():
                return True
        except OSError:  # it has ended
            continue
    return False


@pytest.mark.oldest
@pytest.mark.parametrize(
    ("number", "code", "outcome"),
    [(signal.SIGKILL, -9, None), (signal.SIGTERM, 130, "interrupted")],
)
def test_what_was_pushed_before_an_end_by_force_is_not_built_again(
    project: Project, number: int, code: int, outcome: str | None
) -> None:
    write_images(project, {"quick": "echo quick > /opt/quick", "slow": SLOW})
    process = start(project, "--push")
    until(lambda: journal(project, "finished"))
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == code, err
    assert "Traceback" not in err
    until(lambda: not running("sleep 247") and not running(str(project.root)), 20)
    if outcome:
        assert [entry["outcome"] for entry in journal(project, "end")] == [outcome]
        words = [line.split()[:3] for line in out.splitlines()]
        assert ["quick-tiny", "linux/amd64", "built"] in words
        assert ["slow-tiny", "linux/amd64", "not"] in words
        assert "To continue, run the same bake again" in err
        assert err.endswith("interrupted\n")
    before = run("crane", "digest", project.image("quick", "dev-tiny")).out

    (project.root / "recipes/slow/install.sh").write_text("echo slow > /opt/slow\n")
    assert fates(project.bake("--push", "--force", "--resume", "--json").json()) == {
        "quick": "up to date",
        "slow": "built",
    }
    assert run("crane", "digest", project.image("quick", "dev-tiny")).out == before
    assert fates(project.bake("--push", "--json").json()) == {"quick": "up to date", "slow": "up to date"}
    assert fates(project.bake("quick", "--push", "--force", "--resume", "--json").json()) == {"quick": "built"}


def test_a_failure_leaves_what_does_not_depend_on_it(project: Project) -> None:
    write_images(
        project,
        {
            "bad": "echo 'main.c:1:1: error: no'; exit 3",
            "good": "echo good > /opt/good",
            "untrue": "echo untrue > /opt/untrue",
        },
        tests={"good": "test -e /opt/good", "untrue": "test -e /opt/nowhere"},
    )
    done = project.bake("--push", "--keep-going", "--json", check=False)
    assert done.code == 2
    assert fates(done.json()) == {"bad": "failed", "good": "built", "good-tiny-test": "tested", "untrue": "failed"}
    reasons = {row["bake_target"]: row["reason"] for row in done.json()["results"]}
    assert reasons["bad-tiny"] == "eb-bad failed"
    assert reasons["untrue-tiny"] == "untrue-test failed"
    assert done.err.count("the step failed: ") == 2
    assert "exit code: 3" in done.err
    assert crane_tags(f"{project.registry}/good") == {"dev-tiny"}
    for name in ("bad", "untrue"):
        assert run("crane", "ls", f"{project.registry}/{name}", check=False).code != 0
    assert [entry["attempt"] for entry in journal(project, "begin") if "bad-tiny" in entry["bake_targets"]] == [1]

    (project.root / "recipes/bad/install.sh").write_text("echo mended > /opt/bad\n")
    (project.root / "recipes/untrue/test.sh").write_text("test -e /opt/untrue\n")
    told = fates(project.bake("--push", "--json").json())
    assert told == {"bad": "built", "good": "up to date", "untrue": "built", "untrue-tiny-test": "tested"}


@pytest.mark.oldest
def test_nothing_is_pushed_before_all_tests_have_passed(project: Project) -> None:
    write_images(
        project,
        {"plain": "echo plain > /opt/plain", "good": "echo good > /opt/good", "untrue": "echo x > /opt/untrue"},
        tests={"good": "test -e /opt/good", "untrue": "sleep 3; test -e /opt/nowhere"},
    )
    done = project.bake("--push", "--json", check=False)
    assert done.code == 2
    assert fates(done.json()) == {"plain": "not attempted", "good": "not attempted", "untrue": "failed"}
    for name in ("plain", "good", "untrue"):
        assert run("crane", "ls", f"{project.registry}/{name}", check=False).code != 0

    (project.root / "recipes/untrue/test.sh").write_text("test -e /opt/untrue\n")
    before = len(journal(project, "begin"))
    assert set(fates(project.bake("--push", "--json").json()).values()) == {"built", "tested"}
    # An older Buildx needs one invocation for the tests, and one for the images.
    assert len(journal(project, "begin")) - before == (1 if installed_buildx().jobs else 2)
    for name in ("plain", "good", "untrue"):
        assert crane_tags(f"{project.registry}/{name}") == {"dev-tiny"}


def test_what_does_not_need_a_step_that_takes_too_long_is_built(project: Project) -> None:
    write_images(project, {"slow": SLOW, "other": "sleep 3; echo other > /opt/other"})
    done = project.bake("--push", "--keep-going", "--step-timeout", "8s", "--json", check=False)
    assert done.code == 2
    assert fates(done.json()) == {"slow": "failed", "other": "built"}
    until(lambda: not running("sleep 247"), 20)


@pytest.mark.parametrize("options", [pytest.param((), marks=pytest.mark.oldest), ("--keep-going",)])
def test_the_culprit_is_the_stage_that_failed_for_all_that_need_it(
    project: Project, options: tuple[str, ...]
) -> None:
    names = [f"app{number}" for number in range(8)]
    write_images(project, {"common": "echo about to fail; exit 5", **dict.fromkeys(names, "true")})
    done = project.bake("--push", "--json", *options, check=False)
    assert done.code == 2
    assert done.err.count("the step failed: ") == 1
    assert "eb-common" in done.err
    assert {row["reason"] for row in done.json()["results"]} <= {"eb-common failed", "because eb-common failed"}
    assert {row["result"] for row in done.json()["results"]} <= {"failed", "not attempted"}
    assert len(done.json()["results"]) == len(names)


@pytest.mark.oldest
def test_a_step_or_a_bake_that_takes_too_long_is_stopped(project: Project) -> None:
    write_images(project, {"slow": SLOW})
    done = project.bake("--step-timeout", "4s", check=False)
    assert done.code == 2
    assert "error: the step took longer than 4s: [eb-slow 1/1]" in done.err
    assert "begun" in done.err
    until(lambda: not running("sleep 247"), 20)
    done = project.bake("--timeout", "6s", check=False)
    assert done.code == 2
    assert "error: the bake took longer than its --timeout, and was stopped" in done.err
    until(lambda: not running("sleep 247"), 20)
    done = project.bake("--timeout", "soon", check=False)
    assert "--timeout 'soon' is not a duration" in done.err


@pytest.fixture
def late_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """Starts a registry that is not up yet."""
    folder = tmp_path_factory.mktemp("late")
    (folder / "config.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\nhttp: {{addr: '127.0.0.1:5997'}}\n"
    )
    program = shutil.which("docker-registry")
    assert program
    started: list[subprocess.Popen[bytes]] = []

    def up() -> str:
        command = [program, "serve", str(folder / "config.yml")]
        started.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        return "localhost:5997"

    yield up
    for process in started:
        process.terminate()
        process.wait(timeout=10)


@pytest.mark.oldest
def test_a_push_to_a_registry_that_is_down_is_tried_again(
    project: Project, late_registry: Callable[[], str]
) -> None:
    write_images(project, {"app": "echo app > /opt/app"})
    process = start(project, "--push", "--registry", "localhost:5997/x", "--json")
    until(lambda: journal(project, "retry"))
    late_registry()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "↻ retry 1 of 2" in err
    assert fates(json.loads(out)) == {"app": "built"}
    assert crane_tags("localhost:5997/x/app") == {"dev-tiny"}


@pytest.mark.oldest
def test_what_is_up_to_date_needs_no_solve_and_whatever_alters_it_does(project: Project) -> None:
    write_images(project, {"app": "echo app > /opt/app"})
    image = project.image("app", "dev-tiny")

    def fate(*args: str) -> str:
        return fates(project.bake("app", "--json", *args).json())["app"]

    assert fate("--push") == "built"
    before = solves(project)
    assert fate("--push") == "up to date"
    assert solves(project) == before
    plan = project.edgebake("plan", "--push", "--registry", project.registry).out
    assert f"app-tiny: {image} is {run('crane', 'digest', image).out.strip()}, pushed " in plan
    assert fate("--push", "--force") == "built"
    assert fate("--push", "--tag", "other") == "built"
    assert fate("--push", "--set", "*.labels.a=b") == "built"
    assert fate("--push") == "built"  # what has the tag now is another image
    run("crane", "delete", f"{project.registry}/app@{run('crane', 'digest', image).out.strip()}")
    assert "is not in the registry" in project.edgebake("plan", "--push", "--registry", project.registry).out
    assert fate("--push") == "built"
    mine = f"{project.registry}/debian"
    for source in ("debian:bookworm-slim", "busybox:stable"):
        run("crane", "copy", f"localhost:5000/{source}", f"{mine}:bookworm-slim")
        mirrored = project.edgebake(
            *("plan", "--push", "--registry", project.registry, "--mirror", f"debian={mine}")
        )
        assert "its inputs have changed since it was built" in mirrored.out
        if source == "debian:bookworm-slim":
            assert fate("--push", "--mirror", f"debian={mine}") == "built"
            assert fate("--push", "--mirror", f"debian={mine}") == "up to date"


@pytest.mark.oldest
def test_an_image_that_the_engine_no_longer_holds_is_loaded_again(project: Project) -> None:
    write_images(project, {"app": "echo app > /opt/app"})
    image = project.image("app", "dev-tiny")
    try:
        told = [fates(project.bake("--load", "--json").json())["app"] for _ in range(2)]
        assert told == ["built", "up to date"]
        run("docker", "rmi", image)
        run("docker", "pull", "-q", f"{REGISTRY}/busybox:stable")
        run("docker", "tag", f"{REGISTRY}/busybox:stable", image)
        assert fates(project.bake("--load", "--json").json())["app"] == "built"
    finally:
        run("docker", "rmi", "-f", image, check=False)


@pytest.mark.oldest
def test_a_hundred_bake_targets_that_are_up_to_date_need_no_solve(project: Project) -> None:
    names = [f"app{number}" for number in range(100)]
    write_images(project, dict.fromkeys(names, "true"))
    for name in names:  # nothing runs: it is the number that counts here
        text = f"name: {name}\nsummary: Sets a variable\nenv: {{APP: {name}}}\n"
        (project.root / f"recipes/{name}/recipe.yaml").write_text(text)
        (project.root / f"recipes/{name}/install.sh").unlink()
    project.bake("--json", "-q")
    before = solves(project)
    assert project.bake().out == "100 up to date\n"
    assert solves(project) == before
