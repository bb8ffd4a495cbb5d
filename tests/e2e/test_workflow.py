"""The generated GitHub Actions workflow, executed: its own file, two machines, one registry, `crane` the witness."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from buildkit import witness
from buildkitd import Buildkitd, start_buildkitd
from events_oracle import stages_that_ran

import edgebake
from actions.runner import Event, Machine, Run, Runner
from conftest import CA_BUNDLE, MIRROR, REGISTRY, ROOT, Project, crane_platforms, crane_tags, docker_run, run

AMD64, ARM64 = "linux/amd64", "linux/arm64"
INSTALLED = f"edgebake=={edgebake.__version__} --hash=sha256:{'0' * 64}"
"""A source that the workflow accepts, and that pip finds installed, so that it looks at no hash."""
FILES = {
    "edgebake.yaml": """
        registry: {registry}
        mirrors: {{debian: {mirror}}}
        cache: registry
        ci: {{install: "{install}"}}
        images:
          left:
            recipes: [./apps/left]
            targets: [cpu]
          right:
            recipes: [./apps/right]
            targets: [cpu]
        """,
    "apps/left/recipe.yaml": """
        name: left
        summary: One application
        layer: application
        install: {files: {greeting.txt: /left/}}
        test: {script: test.sh}
        """,
    "apps/left/greeting.txt": "hello\n",
    "apps/left/test.sh": "grep . /left/greeting.txt\n",
    "apps/right/recipe.yaml": """
        name: right
        summary: Another application
        layer: application
        install: {files: {greeting.txt: /right/}}
        """,
    "apps/right/greeting.txt": "hello\n",
}

# Two images that have more of their own than they share, so that on amd64 each has a job; `light`, on a target of its own,
# is why there are two.
SHARING = {
    "edgebake.yaml": """
        registry: {registry}
        stacks: {registry}/stacks
        mirrors: {{debian: {mirror}}}
        ci: {{install: "{install}"}}
        images:
          left:
            recipes: [./apps/left]
            targets: [cpu]
          right:
            recipes: [./apps/right]
            targets: [cpu]
          light:
            recipes: [./apps/light]
            targets: [other]
        """,
    "targets/other.yaml": """
        name: other
        family: cpu
        summary: Another target
        platforms: [linux/amd64]
        base: {image: "debian:bookworm-slim"}
        os: debian:12
        python: "3.11"
        tag_suffix: other
        """,
    "apps/light/recipe.yaml": """
        name: light
        summary: Shares nothing
        layer: application
        install: {files: {file: /light/}}
        """,
    "apps/light/file": "light\n",
    **{
        f"{folder}/recipe.yaml": f"""
            name: {folder.split("/")[1]}
            summary: One step
            layer: {layer}
            requires: {requires}
            install: {{script: install.sh}}
            """
        for folder, layer, requires in (
            ("recipes/common", "library", "[]"),
            ("recipes/more", "library", "[common]"),
            ("apps/left", "application", "[more]"),
            ("apps/right", "application", "[common]"),
        )
    },
    "recipes/common/install.sh": "echo common > /opt/common\n",
    "recipes/more/install.sh": "echo more > /opt/more\n",
    "apps/left/install.sh": "cat /opt/common /opt/more > /opt/left\n",
    "apps/right/install.sh": "cat /opt/common > /opt/right\n",
}


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Buildkitd]]:
    """GitHub's two kinds of runners: a BuildKit each, with a store of its own."""
    started = {
        "ubuntu-24.04": start_buildkitd(tmp_path_factory.mktemp("amd64")),
        "ubuntu-24.04-arm": start_buildkitd(tmp_path_factory.mktemp("arm64")),
    }
    yield started
    for one in started.values():
        one.stop()


class Forge:
    """A repository, as on GitHub: pushes and pull requests run the workflow that is committed there."""

    def __init__(
        self, project: Project, machines: dict[str, Buildkitd], folder: Path, env: Mapping[str, str], *, fresh: bool
    ) -> None:
        self.project = project
        self._machines = {label: Machine(one.address, fresh) for label, one in machines.items()}
        self._folder = folder
        self._environment = env
        self._runs = 0

    def git(self, *args: str) -> str:
        command = ("git", "-c", "user.name=a", "-c", "user.email=a@example.org", *args)
        return run(*command, cwd=self.project.root).out.strip()

    def commit(self, files: dict[str, str] | None = None, *, compile_first: bool = True) -> str:
        self.project.write(files or {})
        if compile_first:
            self.project.edgebake("compile")
            self.project.edgebake("ci", "github")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "change")
        return self.git("rev-parse", "HEAD")

    def push(
        self,
        files: dict[str, str] | None = None,
        lost: tuple[str, ...] = (),
        *,
        compile_first: bool = True,
        workflow: str = "",
    ) -> Run:
        """Commit to main, and run what GitHub would run: the committed workflow, if no other is given."""
        sha = self.commit(files, compile_first=compile_first)
        return self._start(Event("push", "refs/heads/main", sha), lost, workflow)

    def pull_request(self, files: dict[str, str]) -> Run:
        """Commit to a branch, and run for the merge of it into main, which is what GitHub checks out."""
        self.git("checkout", "--quiet", "-b", f"change-{self._runs}")
        branch = self.commit(files)
        self.git("checkout", "--quiet", "main")
        tree = self.git("rev-parse", f"{branch}^{{tree}}")
        sha = self.git("commit-tree", tree, "-p", "main", "-p", branch, "-m", "merge")
        self.git("update-ref", "refs/pull/1/merge", sha)
        payload = {"pull_request": {"number": 1.0, "base": {"ref": "main"}}}
        return self._start(Event("pull_request", "refs/pull/1/merge", sha, payload))

    def _start(self, event: Event, lost: tuple[str, ...] = (), workflow: str = "") -> Run:
        self._runs += 1
        text = workflow or (self.project.root / ".github/workflows/edgebake.yml").read_text()
        environment = {"EDGEBAKE_CA_BUNDLE": CA_BUNDLE} if CA_BUNDLE else {}
        environment |= {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
        environment |= self._environment
        folder = self._folder / str(self._runs)
        return Runner(text, self.project.root, self._machines, folder, environment, lost).start(event)

    def image(self, name: str, tag: str = "dev-cpu") -> str:
        return self.project.image(name, tag)


def forge_in(
    root: Path,
    machines: dict[str, Buildkitd],
    folder: Path,
    files: Mapping[str, str] = FILES,
    env: Mapping[str, str] | None = None,
    *,
    fresh: bool = False,
) -> Forge:
    """Make a repository in `root`, with a place of its own in the registry."""
    project = Project(root, f"{REGISTRY}/e2e/{uuid.uuid4().hex[:12]}")
    settings = files["edgebake.yaml"].format(
        registry=project.registry, mirror=MIRROR.split("=")[1], install=INSTALLED
    )
    project.write({**files, "edgebake.yaml": settings})
    made = Forge(project, machines, folder, env or {}, fresh=fresh)
    made.git("init", "--quiet", "--initial-branch=main")
    # A server that gives any commit that it is asked for, as GitHub's does.
    made.git("config", "uploadpack.allowAnySHA1InWant", "true")
    return made


@pytest.fixture
def forge(machines: dict[str, Buildkitd], tmp_path_factory: pytest.TempPathFactory) -> Forge:
    return forge_in(tmp_path_factory.mktemp("forge"), machines, tmp_path_factory.mktemp("runs"))


def results(made: Run) -> dict[str, str]:
    return {job: made.result(job) for job in ("plan", "check", "build", "publish", "result")}


PUBLISHED = {"plan": "success", "check": "skipped", "build": "success", "publish": "success", "result": "success"}


@dataclass(frozen=True)
class Moment:
    """A run, and what the registry held after it."""

    run: Run
    digests: dict[str, str]


@pytest.fixture(scope="module")
def history(machines: dict[str, Buildkitd], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Six pushes to main, one after the other, and the repository."""
    forge = forge_in(tmp_path_factory.mktemp("history"), machines, tmp_path_factory.mktemp("runs"))

    def moment(made: Run) -> Moment:
        names = ("left", "right")
        return Moment(made, {name: run("crane", "digest", forge.image(name)).out.strip() for name in names})

    change = {"apps/left/greeting.txt": "changed\n"}
    broken = {"apps/left/greeting.txt": "", "apps/right/greeting.txt": "changed\n"}
    return {
        "first": moment(forge.push()),
        "nothing": moment(forge.push({"README.md": "Nothing of the images changed.\n"})),
        "one": moment(forge.push(change)),
        "failing": moment(forge.push(broken)),
        "lost": moment(forge.push({"apps/left/greeting.txt": "again\n"}, lost=("edgebake-digests-1",))),
        "mended": moment(forge.push({"README.md": "The next push publishes what was lost.\n"})),
        "forge": forge,
    }


def test_a_push_publishes_every_image_under_one_tag_with_both_platforms(history: dict[str, Any]) -> None:
    made, forge = history["first"].run, history["forge"]
    assert results(made) == PUBLISHED, made.text
    for name in ("left", "right"):
        assert crane_platforms(f"{forge.project.registry}/{name}@{history['first'].digests[name]}") == [
            AMD64,
            ARM64,
        ]
        assert crane_tags(f"{forge.project.registry}/{name}") == {"dev-cpu"}
    jobs = made.of("build")
    assert [job.labels for job in jobs] == [("ubuntu-24.04",), ("ubuntu-24.04-arm",)]
    assert "linux/amd64: native" in jobs[0].text


def test_a_push_that_changes_no_image_builds_nothing(history: dict[str, Any]) -> None:
    made = history["nothing"].run
    assert results(made) == {**PUBLISHED, "build": "skipped", "publish": "skipped"}, made.text


def test_a_change_of_one_image_runs_its_jobs_only(history: dict[str, Any]) -> None:
    made = history["one"].run
    assert results(made) == PUBLISHED, made.text
    assert len(made.of("build")) == 2
    assert all("right-cpu" not in job.text for job in made.of("build"))
    assert history["one"].digests["left"] != history["first"].digests["left"]
    assert history["one"].digests["right"] == history["first"].digests["right"]


def test_what_a_failing_test_does_not_concern_is_published(history: dict[str, Any]) -> None:
    made = history["failing"].run
    failed = {"build": "failure", "publish": "failure", "result": "failure"}
    assert results(made) == {**PUBLISHED, **failed}, made.text
    assert "left-cpu lacks linux/amd64" in made.of("publish")[0].text
    assert history["failing"].digests["left"] == history["one"].digests["left"]
    assert history["failing"].digests["right"] != history["one"].digests["right"]


def test_a_lost_shard_is_named_and_its_tag_stays_as_it_was(history: dict[str, Any]) -> None:
    made = history["lost"].run
    assert results(made) == {**PUBLISHED, "publish": "failure", "result": "failure"}, made.text
    text = made.of("publish")[0].text
    assert "left-cpu lacks linux/arm64" in text
    assert "shard-2-of-2.json" in text
    assert history["lost"].digests == history["failing"].digests


def test_the_next_push_publishes_what_was_lost(history: dict[str, Any]) -> None:
    made, forge = history["mended"].run, history["forge"]
    assert results(made) == PUBLISHED, made.text
    for platform in (AMD64, ARM64):
        assert docker_run(forge.image("left"), "cat", "/left/greeting.txt", platform=platform) == "again"
        assert docker_run(forge.image("right"), "cat", "/right/greeting.txt", platform=platform) == "changed"


def test_a_pull_request_builds_and_tests_what_it_changes_and_pushes_nothing(forge: Forge) -> None:
    forge.commit()
    made = forge.pull_request({"apps/left/greeting.txt": "changed\n"})
    assert results(made) == {**PUBLISHED, "check": "success", "build": "skipped", "publish": "skipped"}, made.text
    assert run("crane", "ls", f"{forge.project.registry}/left", check=False).code != 0
    jobs = made.of("check")
    assert len(jobs) == 2
    assert all("left-cpu" in job.text and "right-cpu" not in job.text for job in jobs)
    assert all("left-cpu-test" in job.text for job in jobs)
    assert all("docker/login-action" not in job.ran for job in made.jobs)


def test_a_pull_request_whose_test_fails_is_told(forge: Forge) -> None:
    forge.commit()
    made = forge.pull_request({"apps/left/greeting.txt": ""})
    assert results(made) == {**PUBLISHED, "check": "failure", "build": "skipped", "publish": "skipped"} | {
        "result": "failure"
    }, made.text


def test_committed_files_that_drifted_stop_the_run(forge: Forge) -> None:
    forge.commit()
    made = forge.push(
        {"apps/left/recipe.yaml": FILES["apps/left/recipe.yaml"] + "env: {A: b}\n"}, compile_first=False
    )
    assert made.result("plan") == "failure"
    assert made.result("build") == "skipped"
    assert "the committed files are stale" in made.of("plan")[0].text


def test_the_example_without_edgebake_publishes_what_is_committed(forge: Forge) -> None:
    example = (ROOT / "examples/github-actions/bake-action.yml").read_text()
    text = example.replace("ghcr.io/acme", forge.project.registry)
    made = forge.push(workflow=text)
    assert [(job.job, job.result) for job in made.jobs] == [("publish", "success")], made.text
    for name in ("left", "right"):
        assert crane_platforms(forge.image(name, "main-cpu")) == [AMD64, ARM64]
    assert crane_tags(f"{forge.project.registry}/left") == {"main-cpu"}


# ── stages that several jobs need


@pytest.fixture
def sharing(machines: dict[str, Buildkitd], tmp_path: Path) -> Forge:
    """Jobs that begin with nothing, and keep BuildKit's events."""
    env, _ = witness(tmp_path / "witness", "$RUNNER_TEMP/events")
    (tmp_path / "project").mkdir()
    return forge_in(tmp_path / "project", machines, tmp_path / "runs", SHARING, env, fresh=True)


def test_what_several_jobs_need_is_built_once_before_them(sharing: Forge) -> None:
    made = sharing.push()
    assert results(made) == PUBLISHED, made.text
    (stacks,) = made.of("stacks")
    assert (stacks.name, stacks.result, stacks.labels) == ("stacks amd64", "success", ("ubuntu-24.04",)), made.text
    ran = {job.name: job for job in made.jobs if (job.temp / "events").is_file()}
    steps = {
        name: {stage for stage, _ in stages_that_ran((job.temp / "events").read_text())}
        for name, job in ran.items()
    }
    assert steps["stacks amd64"] == {"eb-base", "eb-common"}  # the base is under what is published
    builds = {name: found for name, found in steps.items() if name.startswith("build amd64")}
    assert len(builds) == 2
    assert "eb-left" in set().union(*builds.values())
    assert "eb-right" in set().union(*builds.values())
    assert not any({"eb-left", "eb-right"} <= found for found in builds.values())
    assert [name for name, found in steps.items() if "eb-common" in found and "amd64" in name] == ["stacks amd64"]
    assert docker_run(sharing.image("left"), "cat", "/opt/left").split() == ["common", "more"]
    assert docker_run(sharing.image("right"), "cat", "/opt/right") == "common"


def test_shard_0_publishes_once_and_fails_where_a_stage_does(sharing: Forge) -> None:
    project, shard_0 = sharing.project, ("--push", "--shard", "0/2", "--platform", AMD64, "--json")
    first = project.bake(*shard_0)
    assert first.json() == {"version": 1, "results": []}
    assert f"1 stage published to {project.registry}/stacks" in first.err
    (key,) = crane_tags(f"{project.registry}/stacks")
    assert key.startswith("cpu-amd64-")
    again = project.bake(*shard_0)
    assert "Nothing to publish: what several shards need is already published." in again.err
    project.write({"recipes/common/install.sh": "exit 1\n"})
    for options in ((), ("--keep-going",)):
        failed = project.bake(*shard_0, *options, check=False)
        assert failed.code == 2
        assert "eb-common" in failed.err
    assert crane_tags(f"{project.registry}/stacks") == {key}
    assert run("crane", "ls", f"{project.registry}/left", check=False).code != 0
