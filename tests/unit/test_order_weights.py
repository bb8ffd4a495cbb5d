"""What recipes weigh: seconds from the journal, changes from git, guesses where nothing is known."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from edgebake.order.weights import CHANGES, SIZE, Weigher, changes_in_git
from edgebake.plan.history import read_history
from integration.projects import AMD64, ARM64, Project, make_project, recipe

DAY = 86400
NOW = 1_800_000_000


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project in a folder of a repository: a is committed and changed, b was never committed."""
    project = make_project(tmp_path, catalogue=[recipe("c")])
    project.recipe(**recipe("a", install={"script": "install.sh"})).write({"recipes/a/install.sh": "1\n"})
    git(project, 0, "init", "-q")
    commit(project, NOW - 400 * DAY, "recipes/a/install.sh", "old\n")
    for number in range(6):
        commit(project, NOW - (150 - number) * DAY, "recipes/a/install.sh", f"{number}\n")
    commit(project, NOW, "README.md", "now\n")
    project.recipe(**recipe("b", layer="application"))
    return project.images(app=["a", "b", "c"])


def git(project: Project, at: int, *arguments: str) -> None:
    environment = {**os.environ, "GIT_AUTHOR_DATE": f"@{at} +0000", "GIT_COMMITTER_DATE": f"@{at} +0000"}
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=project.root, env=environment, check=True, capture_output=True)


def commit(project: Project, at: int, path: str, text: str) -> None:
    project.write({path: text})
    git(project, at, "add", "-A")
    git(project, at, "commit", "-qm", path)


def test_changes_are_commits_in_a_month_of_the_time_before_the_checked_out_one(project: Project) -> None:
    (found,) = changes_in_git(project.root, project.compile()).items()
    assert found[0] == project.root / "recipes/a"
    assert found[1] == pytest.approx(
        6 / (150 * DAY / (30.44 * DAY)), rel=0.01
    )  # the one before 180 days is not counted


def test_without_git_nothing_is_known(tmp_path: Path) -> None:
    project = make_project(tmp_path).recipe(**recipe("a")).images(app=["a"])
    assert changes_in_git(project.root, project.compile()) == {}


def test_what_is_not_known_is_guessed(project: Project) -> None:
    compilation = project.compile()
    weigher = Weigher(compilation, changes=changes_in_git(project.root, compilation))
    a, b, c = (weigher.load("cpu", name, AMD64) for name in "abc")
    assert (a.seconds, a.size) == (15, SIZE)
    assert a.changes == pytest.approx(1.2, rel=0.05)
    assert (b.changes, c.changes) == (CHANGES["application"], CHANGES["library"])


def test_what_was_measured_counts(project: Project) -> None:
    from edgebake.plan.journal import Journal

    Journal(project.root).add(
        "times", run="1", targets={"cpu": {f"eb-a {AMD64}": 7, f"eb-a {ARM64}": 70}}, seconds=70, work=77
    )
    compilation = project.compile()
    weigher = Weigher(compilation, read_history(project.root).times, {("cpu", "a", ARM64): 5})
    assert [weigher.load("cpu", "a", platform).seconds for platform in (AMD64, ARM64)] == [7, 70]
    assert [weigher.load("cpu", "a", platform).size for platform in (AMD64, ARM64)] == [SIZE, 5]


def test_a_stage_that_adds_no_layer_weighs_nothing(tmp_path: Path) -> None:
    project = make_project(tmp_path).recipe(**recipe("a", install={"env": {"A": "1"}})).images(app=["a"])
    load = Weigher(project.compile()).load("cpu", "a", AMD64)
    assert (load.seconds, load.size, load.once) == (0, 0, 0)
