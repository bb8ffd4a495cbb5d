"""Runs code of the user's in a child process: whatever it does to its process, edgebake's goes on."""

from __future__ import annotations

import os
import pickle
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Timer
from typing import NoReturn, TypeVar

from edgebake.errors import EdgebakeError

T = TypeVar("T")
SECONDS = 8
"""How long the code may take."""


class ChildError(Exception):
    """The process ended without a result: why, as the end of a sentence."""


def run_in_child(function: Callable[[], T], seconds: float = SECONDS) -> T:
    """Run a function in a copy of this process, and return its result, which must be possible to pickle.

    It is no sandbox: the code has all rights of the user, and so has its pickled result.

    Raises:
        EdgebakeError: the function raises it.
        ChildError: it raises another exception, ends the process, or does not end in time.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _run(function, writer, seconds)
    os.close(writer)
    late = Event()
    timer = Timer(seconds, _stop, (child, late))
    timer.start()
    try:
        with os.fdopen(reader, "rb") as stream:
            content = stream.read()
    except BaseException:
        _kill(child)
        raise
    finally:
        timer.cancel()
        timer.join()
        _, status = os.waitpid(child, 0)
    if late.is_set():
        raise ChildError(f"did not end within {seconds:g} s")
    return _result(content, os.waitstatus_to_exitcode(status))


def _run(function: Callable[[], object], writer: int, seconds: float) -> NoReturn:
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        # For the case that edgebake is killed, and nobody stops it.
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 2, int(seconds) + 2))
        sys.stdout = sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)  # not what this process has buffered
        with os.fdopen(writer, "wb") as stream:
            stream.write(pickle.dumps(_outcome(function)))
    except BaseException:
        os._exit(1)
    os._exit(0)


def _outcome(function: Callable[[], object]) -> object:
    try:
        return True, function()
    except EdgebakeError as error:
        return False, error


def _result(content: bytes, code: int) -> T:  # type: ignore[type-var]
    try:
        done, result = pickle.loads(content)
    except Exception:  # an unpickler can raise any
        raise ChildError(f"ended its process (exit code {code})") from None
    if not done:
        raise result
    return result  # type: ignore[no-any-return]


def _stop(child: int, late: Event) -> None:
    late.set()
    _kill(child)


def _kill(child: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
