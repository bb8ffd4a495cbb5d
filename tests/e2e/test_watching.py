"""Watching a real bake: JSON lines, a terminal's table, and the timeline of a bake that fails or is interrupted."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pyte
import pytest
from test_survival import write_images

from conftest import MIRROR, Project
from documentation.outputs import check_output


def drawn(file: Path) -> dict[str, Any]:
    """Return what a timeline draws."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', file.read_text(), re.DOTALL)
    assert found
    return json.loads(found[1])


def test_a_bake_that_fails_is_told_as_json_and_drawn(project: Project) -> None:
    stamp = time.time()
    write_images(
        project, {"common": f"echo {stamp} > /opt/common; sleep 1", "good": "echo good", "bad": "echo why; exit 3"}
    )
    done = project.bake("--keep-going", "--progress", "json", "--timeline", "build.html", check=False)
    assert done.code == 2
    lines = [line for line in done.err.splitlines() if line.startswith("{")]
    told = [check_output("bake-progress", line) for line in lines]
    assert told[0]["event"] == "platform"
    assert {line["event"] for line in told} >= {"begin", "step", "end"}
    assert [(line["bake_targets"], line["outcome"], line["done"]) for line in told if line["event"] == "end"] == [
        (["bad-tiny", "good-tiny"], "failed", ["good-tiny"])
    ]
    steps = [line for line in told if line["event"] == "step"]
    assert max(step["seconds"] for step in steps if step["stage"] == "eb-common") >= 1
    assert ["exit code: 3" in step["error"] for step in steps if step["stage"] == "eb-bad" and step["error"]] == [
        True
    ]
    rest = [line for line in done.err.splitlines() if not line.startswith("{")]
    assert rest[0] == ""  # then comes what a person reads
    found = drawn(project.root / "build.html")
    assert [run["outcome"] for run in found["runs"]] == ["failed"]
    (failed,) = [step for step in found["steps"] if step["state"] == "failed"]
    assert (failed["stage"], failed["log"]) == ("eb-bad", ["why"])
    assert "eb-common" in [found["steps"][number]["stage"] for number in found["critical"]]
    assert found["totals"]["critical"] <= found["totals"]["seconds"]
    assert found["totals"]["emulated"] == 0


def test_a_terminal_is_clean_after_an_interrupt_and_what_ran_is_drawn(project: Project) -> None:
    write_images(project, {"common": "echo", "slow": f"echo {time.time()}; sleep 247"})
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(project.root)
        os.environ.update(TERM="xterm", EDGEBAKE_MIRRORS=MIRROR)
        os.execv(sys.executable, [sys.executable, "-m", "edgebake", "bake", "--timeline", "build.html"])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    screen = pyte.Screen(100, 30)
    stream, interrupted, seen = pyte.ByteStream(screen), False, ""
    end = time.monotonic() + 240
    while time.monotonic() < end:
        data = output(terminal)
        if data is None:
            break
        stream.feed(data)
        row = next((line for line in screen.display if line.startswith("▸ slow-tiny")), "")
        if not interrupted and "eb-slow: RUN" in row:
            seen, interrupted = row, True
            os.write(terminal, b"\x03")
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    assert re.match(r"▸ slow-tiny  linux/amd64  native +\d+:\d\d  \d+ cached  \d+:\d\d  eb-slow: RUN ", seen)
    shown = [line.rstrip() for line in screen.display if line.strip()]
    assert shown[-1] == "interrupted"
    assert not [line for line in shown if line.startswith("▸") or "steps so far" in line]
    assert not screen.cursor.hidden
    found = drawn(project.root / "build.html")
    assert found["runs"][0]["outcome"] == "stopped"
    assert [s["state"] for s in found["steps"] if s["stage"] == "eb-slow" and s["runs"]] in (
        ["cancelled"],
        ["unfinished"],
    )


def output(terminal: int) -> bytes | None:
    """Return what a terminal was sent, or None once nobody sends any more."""
    if not select.select([terminal], [], [], 1.0)[0]:
        return b""
    try:
        return os.read(terminal, 1 << 16) or None
    except OSError:
        return None


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--quiet", "--progress", "json"), "--quiet and --progress json cannot be combined"),
        (("--timeline", "."), "--timeline '.' is a folder"),
    ],
)
def test_mistakes_are_told_before_anything_runs(project: Project, args: tuple[str, ...], message: str) -> None:
    write_images(project, {"common": "true", "one": "true"})
    done = project.bake(*args, check=False)
    assert (done.code, message in done.err) == (2, True)
    assert not (project.root / ".edgebake").exists()
