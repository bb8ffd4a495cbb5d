"""A bake builds what was fingerprinted, whatever happens to the checkout meanwhile, and whatever its umask was."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from conftest import Project, run
from e2e.test_survival import TARGET, start, until

RECIPE = """
    name: app
    summary: An application
    install:
      files: {data: /opt/data, run.sh: /opt/run.sh}
    test: {script: test.sh}
    """
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def app(project: Project) -> Project:
    """A project of one image, whose test takes some seconds after it has read the data."""
    (project.root / "edgebake.yaml").write_text("images:\n  app:\n    recipes: [app]\n    targets: [tiny]\n")
    project.write({"targets/tiny.yaml": TARGET, "recipes/app/recipe.yaml": RECIPE})
    project.write(
        {"recipes/app/data/data.txt": "GOOD\n", "recipes/app/run.sh": "#!/bin/sh\ncat /opt/data/data.txt\n"}
    )
    project.write({"recipes/app/test.sh": f"# {project.registry}\ngrep -q GOOD /opt/data/data.txt\nsleep 6\n"})
    (project.root / "recipes/app/run.sh").chmod(0o755)
    return project


def published(project: Project, *command: str, user: str = "1000") -> str:
    """Return what a command prints in the pushed image, run as another user."""
    reference = f"{project.registry}/app:dev-tiny"
    run("docker", "pull", "--quiet", reference)
    return run("docker", "run", "--rm", "--user", user, "--entrypoint", command[0], reference, *command[1:]).out


@pytest.mark.oldest
def test_an_edit_during_a_bake_is_not_pushed(app: Project) -> None:
    data, context = app.root / "recipes/app/data/data.txt", app.root / ".edgebake/context"
    process = start(app, "--push")
    until(context.exists)
    until(lambda: list(context.glob("*/bake/docker-bake.hcl")))
    while process.poll() is None:  # all the time, so that each moment of the bake has seen it
        data.write_text("BAD\n")
        time.sleep(0.2)
    _, err = process.communicate()
    assert process.returncode == 0, err
    data.write_text("GOOD\n")
    assert published(app, "cat", "/opt/data/data.txt") == "GOOD\n"
    assert app.bake("--push", "--json").json()["results"][0]["result"] == "up to date"
    assert not context.exists()


def test_one_commit_is_one_fingerprint_whatever_the_umask(app: Project, tmp_path: Path) -> None:
    (app.root / ".gitignore").write_text(".edgebake\n")
    commit = "git init -q && git add -A && git -c user.name=a -c user.email=a@b commit -qm a"
    subprocess.run(["sh", "-c", commit], cwd=app.root, check=True)
    roots = {}
    for mask in ("022", "002", "077"):
        roots[mask] = tmp_path / mask
        subprocess.run(["sh", "-c", f"umask {mask}; git clone -q {app.root} {roots[mask]}"], check=True)
    first, second, third = (Project(root, app.registry) for root in roots.values())
    third.bake("--push", "--digests", str(tmp_path / "digests"))
    for other in (first, second):  # refuses images that were built from other inputs than the checkout's
        other.edgebake("publish", "--registry", app.registry, "--digests", str(tmp_path / "digests"))
    assert published(app, "/opt/run.sh") == "GOOD\n"
    assert published(app, "stat", "-c", "%a", "/opt/data", "/opt/data/data.txt", "/opt/run.sh") == "755\n644\n755\n"


def test_two_bakes_in_one_checkout_run_one_after_the_other(app: Project) -> None:
    first = start(app, "--push")
    until((app.root / ".edgebake/context").exists)
    refused = app.bake("--push", "--lock-timeout", "1s", check=False)
    assert (refused.code, f"`edgebake bake` (process {first.pid}" in refused.err) == (2, True), refused.err
    second = start(app, "--load")
    for process in (first, second):
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    assert f"waiting for `edgebake bake` (process {first.pid}" in err
    shutil.rmtree(app.root / ".edgebake")
