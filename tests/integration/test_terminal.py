"""What commands print on terminals of several widths, and through a pipe."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from rich.cells import cell_len

EXAMPLE = Path(__file__).parents[2] / "examples" / "detection-service"
COLOURS = re.compile(r"\x1b\[[\d;]*m")
ERASED = "\r\x1b[K"
TABLES = [
    ["list", "--group", "ml"],
    ["list", "targets"],
    ["compat", "pytorch", "--target", "jetpack-*"],
    ["why", "detector", "numpy", "--target", "cpu"],
    ["lint"],
]


def on_a_terminal(columns: int, *words: str, **variables: str) -> str:
    """Return what a command prints on a terminal, with its colours."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", **variables}
    environment.pop("COLUMNS", None)
    command = [sys.executable, "-m", "edgebake", *words]
    with subprocess.Popen(command, cwd=EXAMPLE, stdout=theirs, stderr=theirs, env=environment):
        os.close(theirs)
        chunks = []
        while chunk := _read(ours):
            chunks.append(chunk)
    os.close(ours)
    return b"".join(chunks).decode().replace("\r\n", "\n").rpartition(ERASED)[2]


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so when the last writer has closed it
        return b""


def through_a_pipe(*words: str, **variables: str) -> str:
    command = [sys.executable, "-m", "edgebake", *words]
    environment = {**os.environ, **variables}
    return subprocess.run(command, cwd=EXAMPLE, capture_output=True, text=True, env=environment, check=False).stdout


@pytest.mark.parametrize("words", TABLES, ids=" ".join)
def test_a_table_fits_the_terminal_and_loses_nothing(words: list[str]) -> None:
    whole = through_a_pipe(*words, COLUMNS="40", FORCE_COLOR="1")
    assert COLOURS.search(whole) is None
    for columns in (80, 200):
        text = on_a_terminal(columns, *words)
        lines = COLOURS.sub("", text).splitlines()
        assert max(map(cell_len, lines)) <= columns
        assert sorted("".join(whole.split())) == sorted("".join("".join(lines).split()))


def test_the_releases_of_a_recipe_fit_the_terminal() -> None:
    text = COLOURS.sub("", on_a_terminal(80, "show", "pytorch"))
    releases = text.partition("\n  releases\n")[2].partition("\n  sources\n")[0]
    assert max(map(cell_len, releases.splitlines())) <= 80
    assert max(map(cell_len, through_a_pipe("show", "pytorch").splitlines())) > 200


def test_colours_obey_no_color() -> None:
    assert COLOURS.search(on_a_terminal(80, "list", "targets")) is not None
    assert COLOURS.search(on_a_terminal(80, "list", "targets", NO_COLOR="1")) is None
