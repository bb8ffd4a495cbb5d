"""Only what changed since a commit: compiled from git, not guessed by paths."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgebake.errors import EdgebakeError
from edgebake.plan.journal import Journal
from edgebake.state.committed import fingerprints_at

RECIPE = "name: {name}\nsummary: An application\nlayer: application\ninstall: {{files: {{file: /{name}}}}}\n"


class Repository:
    """A project in a folder of a git repository, with two images."""

    def __init__(self, root: Path) -> None:
        self.top = root
        self.root = root / "robot"
        images = {name: {"recipes": [f"./{name}"], "targets": ["cpu"]} for name in ("one", "two")}
        self.write({"edgebake.yaml": json.dumps({"images": images})})
        for name in ("one", "two"):
            self.write({f"{name}/recipe.yaml": RECIPE.format(name=name), f"{name}/file": "1\n"})
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit()

    def write(self, files: dict[str, str]) -> None:
        for path, text in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text)

    def git(self, *args: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *args]
        return subprocess.run(command, cwd=self.top, capture_output=True, text=True, check=True).stdout

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "x")

    def edgebake(self, *args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "edgebake", *args]
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)

    def changed(self, ref: str = "HEAD") -> list[str]:
        done = self.edgebake("plan", "--changed-since", ref, "--shards", "9", "--json")
        assert done.returncode == 0, done.stderr
        parts = [part for shard in json.loads(done.stdout)["shards"] for part in shard["parts"]]
        return sorted({part["bake_target"] for part in parts})


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_what_changed_is_forecast_like_everything_else(repository: Repository) -> None:
    took = {f"{stage} linux/{arch}": 5.0 for stage in ("eb-base", "eb-one", "one") for arch in ("amd64", "arm64")}
    facts = {"targets": {"cpu": took}, "seconds": 10.0, "work": 10.0, "emulated": []}
    Journal(repository.root).add("times", run="1", at="2026-01-01T00:00:00Z", **facts)
    repository.write({"one/file": "2\n"})
    for words in ([], ["--changed-since", "HEAD"]):
        done = repository.edgebake("plan", *words, "--json")
        assert json.loads(done.stdout)["time"]["expected_seconds"] > 0, words


def test_nothing_changed(repository: Repository) -> None:
    assert repository.changed() == []
    done = repository.edgebake("plan", "--changed-since", "main")
    assert "2 of 2 bake targets are as they were at main" in done.stderr
    assert repository.git("worktree", "list").count("\n") == 1
    assert repository.git("status", "--porcelain") == ""


def test_a_file_that_an_image_reads(repository: Repository) -> None:
    repository.write({"one/file": "2\n"})
    assert repository.changed() == ["one-cpu"]
    repository.commit()
    assert repository.changed("HEAD") == []
    assert repository.changed("HEAD^1") == ["one-cpu"]


def test_the_command_that_is_told_builds_what_changed_only(repository: Repository) -> None:
    repository.write({"one/file": "2\n"})
    out = repository.edgebake("plan", "--changed-since", "HEAD").stdout
    assert out.splitlines()[-1] == "Run: edgebake bake one --target cpu"


def test_what_no_image_reads_changes_none(repository: Repository) -> None:
    repository.write({"one/notes.txt": "x\n", "README.md": "x\n"})
    text = (repository.root / "edgebake.yaml").read_text()
    repository.write({"edgebake.yaml": f"# A comment\n{text}"})
    assert repository.changed() == []


def test_what_every_image_reads_changes_all(repository: Repository) -> None:
    repository.write({"targets/cpu.yaml": CPU})
    assert repository.changed() == ["one-cpu", "two-cpu"]


CPU = """\
name: cpu
family: cpu
summary: Any machine
platforms: [linux/amd64, linux/arm64]
base: {image: "debian:trixie-slim"}
os: debian:13
python: "3.13"
tag_suffix: cpu
"""


def test_a_commit_that_does_not_compile_counts_as_everything(repository: Repository) -> None:
    good = (repository.root / "edgebake.yaml").read_text()
    repository.write({"edgebake.yaml": "images: {one: {}}\n"})
    repository.commit()
    repository.write({"edgebake.yaml": good})
    assert repository.changed() == ["one-cpu", "two-cpu"]
    assert "everything counts as changed since" in repository.edgebake("plan", "--changed-since", "HEAD").stderr


def test_a_commit_before_there_was_a_project(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "--orphan", "empty")
    repository.git("rm", "-r", "--quiet", "--cached", ".")
    repository.git("commit", "--quiet", "--allow-empty", "--message", "x")
    assert fingerprints_at(repository.root, "empty").reason == "there was no edgebake.yaml"


@pytest.mark.parametrize("ref", ["nowhere", "--help", "HEAD:robot", ""])
def test_what_is_no_commit(repository: Repository, ref: str) -> None:
    done = repository.edgebake("plan", f"--changed-since={ref}")
    assert done.returncode == 2
    assert f"git has no commit {ref!r}" in done.stderr
    with pytest.raises(EdgebakeError, match="git has no commit"):
        fingerprints_at(repository.root, ref)


def test_a_project_in_no_repository(tmp_path: Path) -> None:
    with pytest.raises(EdgebakeError, match="not in a git repository"):
        fingerprints_at(tmp_path, "HEAD")
