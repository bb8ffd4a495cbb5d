"""Calls and files that once made a traceback or hung: each is one message, exit code 2, and soon over."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.forked import Done, forked

RECIPE = "name: app\nsummary: x\ninstall: {script: install.sh}\n"
FILES = {
    "edgebake.yaml": "images: {app: {recipes: [./app], targets: [cpu]}}\n",
    "app/recipe.yaml": RECIPE,
    "app/install.sh": "true\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def run(root: Path, *words: str) -> Done:
    environment = {**os.environ, "EDGEBAKE_COMPILE_CACHE": "off", "NO_COLOR": "1"}
    return forked(root, list(words), environment)


def fails(done: Done, told: str) -> None:
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("error: ") == 1
    assert "Traceback" not in done.stderr
    assert told in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("plan", "--limit", "9" * 400), "--limit"),
        (("plan", "--shards", "999999999999"), "--shards"),
        (("prune", "--older-than", "99999999999999"), "--older-than"),
        (("plan", "--registry", "a b"), "'a b' is not a repository"),
        (("plan", "--registry", "a\x1b[31m"), "is not a repository"),
        (("autotag", "--registry", "a b"), "is not a repository"),
    ],
)
def test_options_have_limits(root: Path, words: tuple[str, ...], told: str) -> None:
    done = run(root, *words)
    fails(done, told)
    assert "\x1b" not in done.stderr


def fifo(path: str) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        (root / path).unlink(missing_ok=True)
        os.mkfifo(root / path)

    return make


def zero(root: Path) -> None:
    (root / "app/install.sh").unlink()
    (root / "app/install.sh").symlink_to("/dev/zero")


def long_name(root: Path) -> None:
    (root / "app/recipe.yaml").write_text(f"name: app\nsummary: x\ntest: {{script: t.sh, files: [{'a' * 5000}]}}\n")


def deep_folder(root: Path) -> None:
    (root / "app/recipe.yaml").write_text("name: app\nsummary: x\ninstall: {files: {d: /d}}\n")
    here = os.open(root / "app", os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=here))
    os.close(here)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (fifo("app/install.sh"), "is not a file"),
        (zero, "leads out of"),
        (fifo("edgebake.lock"), "the lock is not a file"),
        (fifo(".dockerignore"), "is not a regular file"),
        (fifo("edgebake.yaml"), "edgebake.yaml"),
        (long_name, "is longer than a path can be"),
        (deep_folder, "nested too deeply"),
    ],
    ids=["script-fifo", "script-zero", "lock-fifo", "ignore-fifo", "project-fifo", "long-name", "deep-folder"],
)
def test_files_that_are_none_are_told(root: Path, make: Callable[[Path], None], told: str) -> None:
    make(root)
    start = time.monotonic()
    try:
        fails(run(root, "plan"), told)
        assert time.monotonic() - start < 30
    finally:
        subprocess.run(["rm", "-rf", root / "app"], check=True)


def test_a_file_that_is_a_fifo_in_a_folder(root: Path) -> None:
    (root / "app/recipe.yaml").write_text("name: app\nsummary: x\ninstall: {files: {d: /d}}\n")
    (root / "app/d").mkdir()
    os.mkfifo(root / "app/d/f")
    fails(run(root, "plan"), "is not a file, a folder or a symbolic link")


def test_a_closed_output_is_told(root: Path) -> None:
    command = f'"{sys.executable}" -m edgebake plan >&-'
    done = subprocess.run(["sh", "-c", command], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "error: cannot write the output: it is closed\n")
    done = subprocess.run(["sh", "-c", f"{command[:-4]} 2>&-"], cwd=root, capture_output=True, check=False)
    assert done.returncode == 0


def test_a_volume_is_no_variable(root: Path) -> None:
    """BuildKit expands variables in VOLUME, also in its JSON form."""
    (root / "app/recipe.yaml").write_text('name: app\nsummary: x\nruntime: {volumes: ["/v/$T"]}\n')
    assert run(root, "compile").returncode == 0
    assert 'VOLUME ["/v/\\\\$T"]\n' in (root / "bake/cpu/Dockerfile").read_text()
