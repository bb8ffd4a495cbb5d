"""A lock of a checkout: one holder, who is named to those that wait."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgebake.errors import EdgebakeError
from edgebake.system.checkout import CheckoutLock

HOLD = """
import sys
from pathlib import Path
from edgebake.system.checkout import CheckoutLock
with CheckoutLock("edgebake bake").held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(root: Path) -> Iterator[subprocess.Popen[str]]:
    """Hold the lock elsewhere."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_free_lock_is_held_at_once_and_freed(tmp_path: Path) -> None:
    for _ in range(2):
        with CheckoutLock(wait=0).held(tmp_path):
            assert f'"pid": {os.getpid()}' in (tmp_path / ".edgebake/lock").read_text()
    assert (tmp_path / ".edgebake/lock").read_text() == ""
    assert (tmp_path / ".edgebake/.gitignore").read_text() == "*\n"


def test_who_holds_it_is_named(tmp_path: Path) -> None:
    reported: list[str] = []
    with another_process(tmp_path) as process:
        with pytest.raises(EdgebakeError) as raised, CheckoutLock(wait=0.3, report=reported.append).held(tmp_path):
            pass
        holder = f"`edgebake bake` (process {process.pid}, since 20"
    assert raised.value.message == "gave up after 0.3s: another edgebake is at work in this checkout"
    assert str(raised.value.reason).startswith(holder)
    assert str(raised.value.reason).endswith(" holds .edgebake/lock")
    assert len(reported) == 1
    assert reported[0].startswith(f"waiting for {holder}")


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    with another_process(tmp_path) as process:
        process.kill()
        process.wait()
        with CheckoutLock(wait=0).held(tmp_path):
            pass


@pytest.mark.parametrize("content", ["", "{", "[]", '{"command": 1}', '{"pid": "x"}', "\udc80" * 3, "[" * 5000])
def test_a_file_that_names_nobody_is_another_process(tmp_path: Path, content: str) -> None:
    with another_process(tmp_path):
        (tmp_path / ".edgebake/lock").write_bytes(content.encode(errors="surrogateescape"))
        with pytest.raises(EdgebakeError) as raised, CheckoutLock(wait=0).held(tmp_path):
            pass
    assert raised.value.reason == "another process holds .edgebake/lock"


def test_control_characters_of_a_holder_are_not_shown(tmp_path: Path) -> None:
    with another_process(tmp_path):
        text = '{"command": "\\u001b[2J", "pid": 5, "since": "2026-01-01T00:00:00+00:00"}'
        (tmp_path / ".edgebake/lock").write_text(text)
        with pytest.raises(EdgebakeError) as raised, CheckoutLock(wait=0).held(tmp_path):
            pass
    assert raised.value.reason == "`edgebake` (process 5, since 2026-01-01 00:00:00) holds .edgebake/lock"
