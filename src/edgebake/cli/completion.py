"""Answering a shell that completes a command line: on each press of Tab, so it is quick, and prints nothing else.

Shells call `edgebake` with the variable `_EDGEBAKE_COMPLETE`. Typer answers, with the names from `cli.complete`.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys

from edgebake.cli.main import app

VARIABLE = "_EDGEBAKE_COMPLETE"


def answer() -> None:
    """Answer a shell. Nothing else is printed, whatever happens. Ends the process."""
    code: object = 0
    out = io.StringIO()
    trim = _join_words() if os.environ.get(VARIABLE) == "complete_bash" else ""
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        try:
            app()(prog_name="edgebake")
        except SystemExit as end:
            code = end.code
        except BaseException:  # a shell could not show it
            code = 1
    for line in out.getvalue().splitlines():
        sys.stdout.write(f"{line.removeprefix(trim)}\n")
    sys.stdout.flush()
    os._exit(code if isinstance(code, int) else 1)


def _join_words() -> str:
    """Join in the environment what bash took apart in a selector; return what it keeps of the word before that.

    Of `group:ll` bash makes three words, and puts the answer in the place of the last one.
    """
    text = os.environ.get("COMP_WORDS", "")
    words = text.split("\n" if "\n" in text else " ")
    try:
        current = int(os.environ.get("COMP_CWORD", ""))
    except ValueError:
        return ""
    joined: list[str] = []
    place = current
    for number, word in enumerate(words):
        if joined and number <= current and _belongs(joined[-1], word):
            joined[-1] += word
            place -= 1
        elif word == "=" and joined and joined[-1].startswith("--"):  # --target=cpu: the value is a word of its own
            place -= number < current
            joined += [""] if number == current else []
        else:
            joined.append(word)
    os.environ["COMP_WORDS"], os.environ["COMP_CWORD"] = "\n".join(joined), str(place)
    incomplete, last = (at[where] if where < len(at) else "" for at, where in ((joined, place), (words, current)))
    return incomplete if last == ":" else incomplete[: len(incomplete) - len(last)].removesuffix("@")


def _belongs(before: str, word: str) -> bool:
    """Tell whether a word was one with the word before it.

    Bash ends a word at a colon, and around an @; though it replaces the @ with what follows it.
    """
    if word[:1] == ":":
        return not before.startswith("-")
    return before[-1:] in (":", "@") or (word[:1] == "@" and before[-1:] == ",")
