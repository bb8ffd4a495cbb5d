"""`edgebake bake --shard 0/N` at the command line: what it refuses, and when it has nothing to do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

STACKS = "localhost:1/nowhere/stacks"  # nobody answers there


def edgebake(root: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgebake", *args]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def write(root: Path, **settings: str) -> Path:
    images = {"app": {"recipes": ["./app"], "targets": ["cpu"]}}
    (root / "app").mkdir()
    (root / "edgebake.yaml").write_text(json.dumps({**settings, "images": images}))
    recipe = "name: app\nsummary: An application\nlayer: application\ninstall: {files: {file: /app}}\n"
    (root / "app/recipe.yaml").write_text(recipe)
    (root / "app/file").write_text("1\n")
    return root


@pytest.mark.parametrize(
    ("settings", "args", "says"),
    [
        ({}, ["--push", "--shard", "0/2"], "the project has no `stacks` to publish them to"),
        ({"stacks": STACKS}, ["--shard", "0/2"], "add --push"),
        ({"stacks": STACKS}, ["--push", "--no-reuse", "--shard", "0/2"], "cannot be combined"),
        ({"stacks": STACKS}, ["--push", "--no-cache", "--shard", "0/2"], "--no-cache builds everything again"),
        ({"stacks": STACKS}, ["--push", "--shard", "0/0"], "is not I/N"),
    ],
)
def test_what_cannot_be_published_is_refused(
    tmp_path: Path, settings: dict[str, str], args: list[str], says: str
) -> None:
    done = edgebake(write(tmp_path, **settings), "bake", *args)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "bake").exists()


def test_nothing_is_shared(tmp_path: Path) -> None:
    """No builder is asked for, and no digest is recorded."""
    write(tmp_path, stacks=STACKS)
    done = edgebake(tmp_path, "bake", "--push", "--shard", "0/2", "--digests", "digests")
    assert (done.returncode, done.stdout) == (
        0,
        "Nothing to publish: no two shards share a stage that is worth publishing.\n",
    )
    assert not (tmp_path / "digests").exists()
    told = edgebake(tmp_path, "bake", "--push", "--shard", "0/2", "--json")
    assert json.loads(told.stdout) == {"version": 1, "results": []}


def test_a_plan_shows_shard_0_only_with_stacks(tmp_path: Path) -> None:
    write(tmp_path)
    shards = ("plan", "--shards", "2", "--offline")
    assert "shard 0/2" not in edgebake(tmp_path, *shards).stdout
    before = json.loads(edgebake(tmp_path, *shards, "--json").stdout)
    data = json.loads((tmp_path / "edgebake.yaml").read_text())
    (tmp_path / "edgebake.yaml").write_text(json.dumps({**data, "stacks": STACKS}))
    lines = edgebake(tmp_path, *shards).stdout.splitlines()
    assert lines[0] == "shard 0/2: nothing to publish; no stage is needed by several shards"
    found = json.loads(edgebake(tmp_path, *shards, "--json").stdout)
    assert found == {**before, "shared": {"shard": "0/2", "platforms": [], "stages": []}}
