"""Commands whose output is cached, and printed again while none of their inputs has changed."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edgebake.cli.command import Options, given, with_parameters
from edgebake.cli.console import Waiting
from edgebake.model.files import NO_PYTHON

if TYPE_CHECKING:
    from edgebake.cache.entries import CachedOutput
    from edgebake.load.workspace import Workspace
    from edgebake.model.request import Request


class Remembered:
    """Runs a command, or prints its cached output.

    In the `with` block stdout and stderr are captured. They are printed when the block ends, even with an error.

    Args:
        command: the command's name.
        call: all its parameters by name.
        plain: parameters that allow caching. With any other parameter nothing is cached, because the command can
            then depend on more than the project.
    """

    def __init__(self, command: str, call: Mapping[str, object], plain: Collection[str]) -> None:
        from edgebake.cache.entries import OutputCache
        from edgebake.model.files import find_root
        from edgebake.system.store import user_store

        simple = all(name in plain or not value for name, value in call.items())
        root = find_root(Path.cwd()) or Path.cwd()
        store = user_store("answers") if simple and not os.environ.get(NO_PYTHON) else None
        self._cache = OutputCache(store, root, repr((command, sorted(call.items()))))
        self._out, self._err = io.StringIO(), io.StringIO()
        self._redirected = ExitStack()
        self.keeps = True
        """Whether to cache the output. The command can set it to False."""

    def print_cached(self) -> bool:
        """Print the cached output, and return whether there was any.

        Raises:
            typer.Exit: the cached exit code is not 0.
        """
        output = self._cache.get()
        if output is None:
            return False
        _print(output)
        if output.code:
            raise typer.Exit(output.code)
        return True

    def opened(self, start: Path, request: Request) -> Workspace:
        """Return the workspace of a request, as :func:`edgebake.select.request.open_request` does."""
        from edgebake.select.request import open_request

        return self._cache.open_workspace(partial(open_request, start, request))

    def __enter__(self) -> Remembered:
        # The first one writes on the real stderr, and is gone before the output is printed.
        for context in (Waiting("compiling"), redirect_stdout(self._out), redirect_stderr(self._err)):
            self._redirected.enter_context(context)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        from edgebake.cache.entries import CachedOutput

        self._redirected.close()
        code = error.exit_code if isinstance(error, typer.Exit) else 0
        output = CachedOutput(self._out.getvalue(), self._err.getvalue(), code)
        _print(output)
        if self.keeps and (error is None or isinstance(error, typer.Exit)):
            self._cache.put(output)


RememberedCommand = Callable[[Remembered, Options], None]


def remembered(options: type[Options], *plain: str) -> Callable[[RememberedCommand[Options]], Callable[..., None]]:
    """Return a decorator that makes a command whose output is cached: see :func:`edgebake.cli.command.command`.

    The command takes the :class:`Remembered` and its options.

    Args:
        options: as for `command`.
        plain: parameters that allow caching, as for :class:`Remembered`.
    """

    def decorate(command: RememberedCommand[Options]) -> Callable[..., None]:
        @wraps(command)
        def call(**values: Any) -> None:
            memory = Remembered(command.__name__, values, plain)
            if not memory.print_cached():
                with memory:
                    command(memory, given(options, values))

        return with_parameters(call, options)

    return decorate


def _print(output: CachedOutput) -> None:
    typer.echo(output.out, nl=False)
    typer.echo(output.err, nl=False, err=True)
    sys.stdout.flush()
