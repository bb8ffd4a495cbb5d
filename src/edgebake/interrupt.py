"""Ctrl-C: a command with nothing to clean up ends at once; any other cleans up first.

A KeyboardInterrupt during an import can be lost in a callback, or surface as another error. So it is raised only
where the code is prepared for it.
"""

from __future__ import annotations

import os
import signal

EXIT_INTERRUPTED = 130  # as in shells; defined here because this module is imported first


def _end(number: int, frame: object) -> None:
    os.write(2, b"interrupted\n")
    os._exit(EXIT_INTERRUPTED)


def end_at_once() -> None:
    """Let Ctrl-C end the process at once. The command line starts this way."""
    signal.signal(signal.SIGINT, _end)


def raise_interrupt() -> None:
    """Let Ctrl-C raise KeyboardInterrupt from now on, in a process where :func:`end_at_once` was called.

    Call it before starting what an interrupt must undo or stop: changes of files, other programs.
    """
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # how CI systems stop a job


def ignore() -> None:
    """Ignore Ctrl-C, for the end of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
