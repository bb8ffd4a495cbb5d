"""Commands whose answer is given again while nothing that it follows from has changed."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from functools import partial, wraps
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import typer

from edgebake.cli.command import Options, with_parameters
from edgebake.cli.waiting import Waiting

if TYPE_CHECKING:
    from edgebake.cache.entries import Answer
    from edgebake.cache.store import Store
    from edgebake.load.workspace import Workspace
    from edgebake.model.request import Request

VARIABLE = "EDGEBAKE_COMPILE_CACHE"
OFF = "off"


class Remembered:
    """Runs a command's body, or tells what it has told before.

    Within the `with` block stdout and stderr are gathered; they are printed when it ends, however it ends.

    Args:
        command: the command's name.
        call: all its parameters by name.
        plain: parameters that may be given; with any other one that is set nothing is remembered, as it may look
            at more than the project.
    """

    def __init__(self, command: str, call: Mapping[str, object], plain: Collection[str]) -> None:
        from edgebake.cache.entries import Answers
        from edgebake.model.files import find_root

        simple = all(name in plain or not value for name, value in call.items())
        root = find_root(Path.cwd()) or Path.cwd()
        store = _store() if simple else None
        self._answers = Answers(store, root, repr((command, sorted(call.items()))))
        self._out, self._err = io.StringIO(), io.StringIO()
        self._redirected = ExitStack()
        self.keeps = True
        """Whether what is told is worth remembering; the command can say no."""

    def tell_known(self) -> bool:
        """Tell the answer if it is known, and return whether it was.

        Raises:
            typer.Exit: with the answer's exit code, if that is not 0.
        """
        answer = self._answers.known()
        if answer is None:
            return False
        _print(answer)
        if answer.code:
            raise typer.Exit(answer.code)
        return True

    def opened(self, start: Path, request: Request) -> Workspace:
        """Return the workspace of a request, as :func:`edgebake.select.request.open_request` does."""
        from edgebake.select.request import open_request

        return self._answers.opened(partial(open_request, start, request))

    def __enter__(self) -> Remembered:
        self._redirected.enter_context(Waiting("compiling"))  # on stderr itself; gone before the answer is told
        self._redirected.enter_context(redirect_stdout(self._out))
        self._redirected.enter_context(redirect_stderr(self._err))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from edgebake.cache.entries import Answer

        self._redirected.close()
        code = error.exit_code if isinstance(error, typer.Exit) else 0
        answer = Answer(self._out.getvalue(), self._err.getvalue(), code)
        _print(answer)
        if self.keeps and (error is None or isinstance(error, typer.Exit)):
            self._answers.keep(answer)


def remembered(
    options: type[Options], *plain: str
) -> Callable[[Callable[[Remembered, Options], None]], Callable[..., None]]:
    """Return a decorator that makes a command whose output is stored: see :func:`edgebake.cli.command.command`.

    The command takes the :class:`Remembered` and its options.

    Args:
        options: as for `command`.
        plain: as for :class:`Remembered`.
    """

    def decorate(command: Callable[[Remembered, Options], None]) -> Callable[..., None]:
        @wraps(command)
        def call(**values: Any) -> None:
            memory = Remembered(command.__name__, values, plain)
            if not memory.tell_known():
                with memory:
                    command(memory, options(**values))

        return with_parameters(call, options)

    return decorate


def _print(answer: Answer) -> None:
    typer.echo(answer.out, nl=False)
    typer.echo(answer.err, nl=False, err=True)
    sys.stdout.flush()


def _store() -> Store | None:
    """Return where answers are kept: the folder that the environment names, or the user's own for caches."""
    from edgebake.cache.store import Store

    named = os.environ.get(VARIABLE, "")
    if named == OFF:
        return None
    if named:
        return Store(Path(named).absolute())
    # A relative path is as good as none: https://specifications.freedesktop.org/basedir-spec
    folders = [os.environ.get("XDG_CACHE_HOME", ""), f"{os.environ.get('HOME', '')}/.cache"]
    base = next((folder for folder in folders if folder.startswith("/")), None)
    return Store(Path(base) / "edgebake" / "answers") if base else None
