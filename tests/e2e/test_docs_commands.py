"""What the documentation shows of Docker is what happens. tests/documentation says how pages tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from documentation.session import Session, run, sessions

ENGINE = [session for session in sessions() if session.engine]


@pytest.mark.parametrize("session", ENGINE, ids=str)
def test_a_page_shows_what_happens(session: Session, tmp_path: Path) -> None:
    wrong = run(session, tmp_path)
    assert not wrong, "\n\n".join(wrong)
