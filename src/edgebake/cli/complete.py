"""Completion by a shell: what is asked on each press of Tab, so it is quick, and never says anything else.

Shells call `edgebake` with the variable `_EDGEBAKE_COMPLETE`; Typer answers, with the names that the functions here
return. What they read, they read without the models, which would take longer to import than all the rest.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from edgebake.cli.known import Known

VARIABLE = "_EDGEBAKE_COMPLETE"


# ── what parameters take


def _known(context: typer.Context) -> Known:
    from edgebake.cli.known import Known, find_root

    folder = Path(context.find_root().params.get("directory") or ".")
    return Known(find_root(folder.resolve()))


def images(context: typer.Context, incomplete: str) -> list[str]:
    """Return the images of the project."""
    return _known(context).images


def recipes(context: typer.Context, incomplete: str) -> list[str]:
    """Return the recipes and their aliases."""
    return _known(context).recipes


def subjects(context: typer.Context, incomplete: str) -> list[str]:
    """Return what can be built: images, and recipes for an ad-hoc image."""
    known = _known(context)
    return [*known.images, *known.recipes]


def anything(context: typer.Context, incomplete: str) -> list[str]:
    """Return images, targets and recipes."""
    known = _known(context)
    return [*known.images, *known.targets, *known.recipes]


def targets(context: typer.Context, incomplete: str) -> list[str]:
    """Return the targets."""
    return _known(context).targets


def platforms(context: typer.Context, incomplete: str) -> list[str]:
    """Return the platforms."""
    from edgebake.select.grammar import PLATFORMS

    return list(PLATFORMS)


def groups(context: typer.Context, incomplete: str) -> list[str]:
    """Return the groups of recipes."""
    return _known(context).groups


def builders(context: typer.Context, incomplete: str) -> list[str]:
    """Return the Buildx builders that this user has made."""
    from edgebake.cli.known import builders as known_builders

    return known_builders(os.environ)


def commits(context: typer.Context, incomplete: str) -> list[str]:
    """Return the branches and tags of the repository."""
    from edgebake.system.git import ref_names

    return ref_names(Path(context.find_root().params.get("directory") or "."))


def compared(context: typer.Context, incomplete: str) -> list[str]:
    """Return what `diff` compares: commits; with --targets images and recipes."""
    return subjects(context, incomplete) if context.params.get("targets") else commits(context, incomplete)


def selectors(context: typer.Context, incomplete: str) -> list[str]:
    """Return selectors whose last term can be what was begun."""
    from edgebake.select.grammar import STATES

    match = re.fullmatch(r"(.*[\s,])?((?:@|\d*\+)?)([^\s,]*)", incomplete, re.DOTALL)
    if match is None:
        return []
    before, term = (match[1] or "") + match[2], match[3]
    known = _known(context)
    values: dict[str, Callable[[], Iterable[str]]] = {
        "group": lambda: known.groups,
        "image": lambda: known.images,
        "layer": lambda: known.layers,
        "platform": lambda: platforms(context, ""),
        "recipe": lambda: known.recipes,
        "state": lambda: STATES,
        "target": lambda: known.targets,
    }
    method, colon, _ = term.partition(":")
    if colon:
        found = (f"{method}:{value}" for value in values.get(method, list)())
        return [before + text for text in found]
    begun = [name for name in values if term and name.startswith(term)]
    own = [f"{name}:{value}" for name in begun for value in values[name]()]
    return [before + text for text in (*known.images, *known.recipes, *own)]


# ── the answer


def answer() -> None:
    """Answer a shell; nothing else is printed, whatever happens. Ends the process."""
    import contextlib
    import io
    import sys

    code: object = 0
    out = io.StringIO()
    trim = _join_words() if os.environ.get(VARIABLE) == "complete_bash" else ""
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        try:
            from edgebake.cli.main import app

            app(prog_name="edgebake")
        except SystemExit as end:
            code = end.code
        except BaseException:  # a shell has no place for it, and the user no use
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
