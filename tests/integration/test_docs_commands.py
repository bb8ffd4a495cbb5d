"""What the documentation shows is what happens: all that needs no engine. tests/documentation says how pages tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from documentation.session import Session, matches, run, sessions

FORECAST = "Time, measured in earlier bakes:\n  about 7.7s: 10s of work\n  critical path: eb-hello 0.4s\n"
PLAIN = [session for session in sessions() if not session.engine]


@pytest.mark.parametrize("session", PLAIN, ids=str)
def test_a_page_shows_what_happens(session: Session, tmp_path: Path) -> None:
    wrong = run(session, tmp_path)
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize(
    ("shown", "output", "same"),
    [
        (["a", "b"], "a\nb\n", True),
        (["a", "c"], "a\nb\n", False),
        (["a"], "a\nb\n", False),
        ([], "a\n", False),
        ([], "", True),
        (["a", "…", "d"], "a\nb\nc\nd\n", True),
        (["a", "…", "d"], "a\nb\nc\n", False),
        (["a … c"], "a b c\n", True),
        (["took 1.2s  x"], "took 11.25s  x\n", True),
        (["T     R", "1.2s  x"], "T      R\n11.2s  x\n", True),
        (["took 1.2s"], "took long\n", False),
        (["a  b"], "a b\n", False),
        (["a", "", "b"], f"a\n\n{FORECAST}\nb\n", True),
        (["a", "", "b"], f"a\n\nTime\n{FORECAST}\nb\n", False),
        (["a", "", "b"], f"a\n\n{FORECAST}b\n", False),
    ],
)
def test_what_counts_as_the_same_output(shown: list[str], output: str, same: bool) -> None:
    assert matches(shown, output) is same
