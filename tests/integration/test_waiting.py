"""What a terminal is told before there is something to show, and what a file or pipe is spared."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = "images:\n  app:\n    recipes: [numpy]\n    targets: [cpu]\n"
ERASED = b"\r\x1b[K"


def on_a_terminal(words: str, folder: Path, terminal: str = "xterm") -> bytes:
    """Return what a terminal gets on stderr."""
    ours, theirs = os.openpty()
    environment = {**os.environ, "TERM": terminal, "EDGEBAKE_COMPILE_CACHE": "off"}
    command = [sys.executable, "-m", "edgebake", *words.split()]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        told = b""
        try:
            while data := os.read(ours, 65536):
                told += data
        except OSError:  # nobody writes to it any more
            pass
        assert process.stdout is not None
        process.stdout.read()
    os.close(ours)
    return told


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "edgebake.yaml").write_text(PROJECT)
    return tmp_path


@pytest.mark.parametrize("words", ["plan", "compile", "lint", "why app python", "graph app", "verify", "bake"])
def test_a_terminal_is_told_what_goes_on_and_it_is_taken_back(project: Path, words: str) -> None:
    told = on_a_terminal(words, project)

    first, erased, rest = told.partition(ERASED)
    assert erased
    assert first.decode().endswith(" …")
    assert "\n" not in first.decode()
    assert ERASED not in rest.partition(b"\n")[0]


def test_a_mistake_is_told_on_a_line_of_its_own(project: Path) -> None:
    told = on_a_terminal("why app nothing-like-this", project)

    assert told.partition(ERASED)[2].startswith(b"error: ")


@pytest.mark.parametrize("words", ["bake --quiet --target nowhere", "test --quiet --target nowhere"])
def test_quiet_says_nothing(project: Path, words: str) -> None:
    assert on_a_terminal(words, project).startswith(b"error: ")


def test_a_terminal_that_cannot_erase_is_told_nothing(project: Path) -> None:
    assert not on_a_terminal("why app numpy", project, terminal="dumb")


def test_a_pipe_is_told_nothing(project: Path) -> None:
    command = [sys.executable, "-m", "edgebake", "why", "app", "numpy"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)

    assert done.stderr == ""
