"""What docs/board.md shows of `edgebake detect` is what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```console\n\$ edgebake (detect .*)\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
SHOWN = BLOCK.findall((ROOT / "docs/board.md").read_text(encoding="utf-8"))


def test_there_are_examples() -> None:
    assert len(SHOWN) >= 3


@pytest.mark.parametrize(("call", "output"), SHOWN, ids=[call for call, _ in SHOWN])
def test_an_example_is_what_edgebake_says(call: str, output: str) -> None:
    command = [sys.executable, "-m", "edgebake", *call.split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.rstrip() == output
