"""Ctrl-C: a command with nothing to put back ends at once; one that has, puts it back first.

A KeyboardInterrupt while modules are loaded can be lost in a callback, or come out as another error. So it is
raised only where somebody is prepared for it.
"""

from __future__ import annotations

import os
import signal

EXIT_INTERRUPTED = 130  # as shells have it; here, so that this module is there at once


def _end(number: int, frame: object) -> None:
    os.write(2, b"interrupted\n")
    os._exit(EXIT_INTERRUPTED)


def end_at_once() -> None:
    """Let Ctrl-C end the process: for the command line, until something is under way."""
    signal.signal(signal.SIGINT, _end)


def raise_interrupt() -> None:
    """Let Ctrl-C raise KeyboardInterrupt from now on, in a process where :func:`end_at_once` was called.

    To be called before anything begins that an interrupt must undo or stop: files being changed, other programs.
    """
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # as continuous integration stops a job


def ignore() -> None:
    """Ignore Ctrl-C: all is done and said."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
