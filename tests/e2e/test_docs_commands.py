"""What the documentation shows of Docker is what happens, on a machine that has built nothing. tests/documentation says
how pages tell."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from conftest import ROOT, crane_platforms, run
from documentation.session import NOT_COPIED, Session, sessions
from documentation.session import run as run_session

pytestmark = pytest.mark.usefixtures("empty_build_cache")
ENGINE = [session for session in sessions() if session.engine]


@pytest.mark.parametrize("session", ENGINE, ids=str)
def test_a_page_shows_what_happens(session: Session, tmp_path: Path) -> None:
    wrong = run_session(session, tmp_path)
    assert not wrong, "\n\n".join(wrong)


def test_the_demo_ends_with_a_manifest_list_of_two_platforms(tmp_path: Path) -> None:
    checkout = tmp_path / "edgebake"
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(*NOT_COPIED), symlinks=True)
    done = run(str(checkout / "scripts/demo"), cwd=tmp_path)
    platforms = ["linux/amd64", "linux/arm64"]
    assert re.findall(r"^detector-cpu +(\S+) +built ", done.out, re.MULTILINE) == platforms
    assert re.findall(r"Platform: +(\S+)", done.out) == platforms
    assert crane_platforms("localhost:5000/edgebake-example/detector:dev-cpu") == platforms
